"""View: a match shown to a check as Relay would have it: names, operand order, attributes and shapes of Relay's.

What the pattern called `nn.bias_add` is shown as `nn.bias_add`, though Relax has an `add`. Values from outside the
match are variables. Quantised clusters are shown as Relay's integer operators: what comes before
`requantize` is int32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from byoc.partition.facts import attributes, tensor, value
from byoc.partition.graph import Graph, Kind
from byoc.relay.expr import (
    AnyDim,
    Constant,
    Expr,
    Int,
    SeenCall,
    TensorType,
    Tuple,
    TupleGetItem,
    TupleType,
    Var,
)
from byoc.relay.names import RELAY_OF
from byoc.relay.spelling import forms
from byoc.support.facts import Tensor

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


_PRODUCTS: Final = ("matmul", "nn.conv2d", "nn.conv2d_transpose")
"""What gives int32 sums of integers."""


class View:
    """The Relay-shaped view of a graph. `spelled` has Relay's names of nodes, `sums` are int32 in Relay."""

    def __init__(
        self, graph: Graph, spelled: Mapping[int, str], sums: frozenset[int] = frozenset()
    ) -> None:
        self.graph, self.spelled, self.sums = graph, spelled, sums
        self._exprs: dict[int, Expr] = {}
        self._nodes: dict[int, int] = {}

    def expr(self, node: int) -> Expr:
        """The node as Relay's expression; the same node is the same object."""
        if node not in self._exprs:
            found = self._exprs[node] = self._expr(node)
            self._nodes.setdefault(id(found), node)
            if isinstance(found, SeenCall):
                found.place = (self.graph, self._nodes[id(found)])
                found.span = self.graph.names[self._nodes[id(found)]] or None
        return self._exprs[node]

    def node(self, expr: Expr) -> int | None:
        """The node that `expr` shows, None for an expression that was made."""
        return self._nodes.get(id(expr))

    def shape(self, node: int) -> tuple[Any, ...] | None:
        """The shape of the tensor `node`."""
        return tensor(self.graph, node).shape

    def attributes(self, node: int) -> Mapping[str, Any]:
        """The attributes of the Relax call `node`."""
        return attributes(self.graph, node)

    def holds_tensor(self, node: int) -> bool:
        """Whether `node` is a tensor or a tuple of them."""
        return self.graph.kinds[node] is not Kind.LITERAL and value(self.graph, node) is not None

    def is_constant(self, node: int) -> bool:
        """Whether the data of `node` is known."""
        return self.graph.kinds[self._stored(node)] is Kind.CONSTANT

    def inside(self, node: int) -> bool:
        """Whether `node` is a call of the match."""
        return self.graph.kinds[node] is Kind.CALL

    def is_sum(self, node: int) -> bool:
        """Whether `node` is int32 in Relay, a real number in Relax."""
        return node in self.sums

    def type(self, node: int) -> Any:
        """The node's type in Relay."""
        held = value(self.graph, node)
        if isinstance(held, tuple):
            return TupleType(tuple(map(_type, held)))
        found = _type(tensor(self.graph, node))
        return TensorType(found.shape, "int32") if node in self.sums else found

    def transposed(self, node: int) -> Expr:
        """A matrix, or stack of them, the other way round: a constant's data too, others by a `transpose`."""
        given = self.expr(node)
        *stack, rows, columns = given.checked_type.shape
        type_ = TensorType((*stack, columns, rows), given.checked_type.dtype)
        if isinstance(given, Constant):
            data = given.data
            return Constant(lambda: data.numpy().swapaxes(-1, -2), type_)
        axes = (*range(len(stack)), len(stack) + 1, len(stack))
        return SeenCall("transpose", lambda: [given], lambda: {"axes": axes}, type_)

    def first_axis_last(self, node: int) -> Expr:
        """Indices whose last axis is Relay's first: a constant's data too, others by a `transpose`."""
        given = self.expr(node)
        *rest, last = given.checked_type.shape
        type_ = TensorType((last, *rest), given.checked_type.dtype)
        if isinstance(given, Constant):
            data = given.data
            return Constant(lambda: data.numpy().transpose(len(rest), *range(len(rest))), type_)
        axes = (len(rest), *range(len(rest)))
        return SeenCall("transpose", lambda: [given], lambda: {"axes": axes}, type_)

    def flat(self, node: int) -> Expr:
        """A tensor of one long axis as a vector."""
        given = self.expr(node)
        shape = given.checked_type.shape
        wide = tuple(each for each in shape if each != 1) or (Int(1),)
        if len(shape) == 1:
            return given
        type_ = TensorType(wide, given.checked_type.dtype)
        if isinstance(given, Constant):
            data = given.data
            return Constant(lambda: data.numpy().reshape(-1), type_)
        return SeenCall("reshape", lambda: [given], lambda: {"newshape": wide}, type_)

    def number(self, number: float, dtype: str = "float32") -> Constant:
        """A constant of one number."""
        return self.constant(lambda: _scalar(number, dtype), (), dtype)

    def constant(
        self, read: Callable[[], npt.NDArray[np.generic]], shape: tuple[int, ...], dtype: str
    ) -> Constant:
        """A constant whose data `read` gives."""
        return Constant(read, TensorType(tuple(map(Int, shape)), dtype))

    def scale_of_sum(self, node: int) -> Constant:
        """The scale of the integers of a sum: the product of its factors' scales."""
        graph = self.graph
        while graph.ops[node] not in _PRODUCTS:
            node = graph.operands[node][0]
        factors = list(graph.operands[node])
        if graph.ops[factors[1]] == "permute_dims":
            factors[1] = graph.operands[factors[1]][0]
        scales = [graph.operands[each][1] for each in factors]
        shape = tensor(graph, scales[1]).shape or ()
        return self.constant(
            lambda: _product(graph, scales),
            tuple(each for each in shape if isinstance(each, int)),
            "float32",
        )

    def _stored(self, node: int) -> int:
        """The integers behind a `dequantize` that Relay has no operator for."""
        is_border = self.graph.ops[node] == "dequantize" and node not in self.spelled
        return self.graph.operands[node][0] if is_border else node

    def _expr(self, node: int) -> Expr:
        graph, kind = self.graph, self.graph.kinds[node]
        stored = self._stored(node)
        if stored != node:
            return self.expr(stored)
        if kind is Kind.CONSTANT:
            read = tensor(graph, node).value
            assert read is not None
            return Constant(read, self.type(node))
        if kind is Kind.TUPLE:
            return Tuple([self.expr(each) for each in graph.operands[node]])
        if kind is Kind.ITEM:
            whole = self.expr(graph.operands[node][0])
            return TupleGetItem(whole, graph.items[node], self.type(node))
        if kind is not Kind.CALL:
            return Var(graph.names[node], self.type(node))
        return self._call(node)

    def _call(self, node: int) -> Expr:
        relax = self.graph.ops[node]
        name = (
            self.spelled.get(node)
            or RELAY_OF.get(relax)
            or ("nn.matmul" if relax == "matmul" else relax)
        )
        form = forms().get(name)
        if form is None:
            operands = self.graph.operands[node]
            return SeenCall(
                name,
                lambda: [self.expr(each) for each in operands if self.holds_tensor(each)],
                lambda: dict(self.attributes(node)),
                self.type(node),
            )
        known = form
        return SeenCall(
            name,
            lambda: known.args(self, node),
            lambda: _relays(name, known.attrs(self, node)),
            self.type(node),
        )


def _relays(name: str, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes that Relay's operator has, with its defaults for those that Relax has not."""
    from byoc.frontends.relay.ops import OPERATORS

    row = OPERATORS.get(name)
    if row is None:
        return attrs
    return {each: attrs.get(each, default) for each, default in row.defaults.items()}


def _type(held: Tensor) -> TensorType:
    shape = tuple(
        [Int(each) if isinstance(each, int) else AnyDim(str(each)) for each in held.shape or ()]
    )
    return TensorType(shape, held.dtype)


def _scalar(number: float, dtype: str) -> npt.NDArray[np.generic]:
    import numpy as np

    return np.asarray(number, dtype)


def _product(graph: Graph, scales: list[int]) -> npt.NDArray[np.generic]:
    """The product of constant scales."""
    import numpy as np

    held = [tensor(graph, each).value for each in scales]
    given = [read() for read in held if read is not None]
    return np.asarray(np.prod(np.broadcast_arrays(*given), axis=0, dtype=np.float32))
