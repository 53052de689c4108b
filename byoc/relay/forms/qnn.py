"""Relay's quantised operators, in Relax QDQ: `dequantize` before, `quantize` after the op on real numbers.

`qnn.conv2d` gives int32 sums; in Relax that value is the real number which the sums stand for. `nn.bias_add` and
`nn.relu` work on it alike, and `qnn.requantize` is the `quantize` that ends the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from byoc.partition.patterns.ast import Alternatives, Number, Op, Pattern, Tuple, Where, Wildcard
from byoc.relay import expr
from byoc.relay.forms import _ask as ask
from byoc.relay.forms._attrs import of_op
from byoc.relay.forms._form import Built, Operand
from byoc.relay.names import NAMES

if TYPE_CHECKING:
    from byoc.relay.expr import Expr
    from byoc.relay.view import View

MOST_TENSORS: Final = 16
"""How many tensors `qnn.concatenate` joins where the pattern does not say."""


@dataclass(frozen=True)
class QnnConv2d:
    """`qnn.conv2d(x, w, x_zero, w_zero, x_scale, w_scale)`: `nn.conv2d` of two dequantised tensors."""

    relax: str

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The convolution and the two `dequantize` before it."""
        op = Op((self.relax,), _product(args))
        return Built(op, (op,), sums=True)

    def args(self, view: View, node: int) -> list[Expr]:
        """Both tensors, then both zero points, then both scales."""
        return _factors(view, *view.graph.operands[node])

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """Those of the float operator; the result is int32."""
        return {**of_op(view, node, NAMES[self.relax]), "out_dtype": "int32"}


@dataclass(frozen=True)
class _QnnMatmul:
    """`matmul` of two dequantised tensors, the second with its last axes swapped after its `dequantize`, or before.

    Relay's operators swap them themselves: checks see the second as (..., columns, inner).
    """

    swapped: Callable[[Any, int], bool]
    straight: Callable[[Any, int], bool]

    def build(self, args: Sequence[Operand] | None) -> Built:
        """Either form."""
        left, right = _product(args)
        turned = Op(("matmul",), (left, Op(("permute_dims",), (right,))))
        straight = Op(("matmul",), (left, right))
        options = (
            Where(turned, self.swapped, "by what has its last axes swapped"),
            Where(straight, self.straight, "by what stands as it is"),
        )
        return Built(Alternatives(options), (turned, straight), sums=True)

    def args(self, view: View, node: int) -> list[Expr]:
        """As those of `qnn.conv2d`."""
        left, right = view.graph.operands[node]
        if view.graph.ops[right] == "permute_dims":
            return _factors(view, left, view.graph.operands[right][0])
        found = _factors(view, left, right)
        found[1] = view.transposed(view.graph.operands[right][0])
        return found


@dataclass(frozen=True)
class QnnDense(_QnnMatmul):
    """`qnn.dense`, whose weight is (units, inputs)."""

    swapped: Callable[[Any, int], bool] = ask.is_dense_of_transposed
    straight: Callable[[Any, int], bool] = ask.is_dense_as_is

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """`units`; the result is int32."""
        made = view.shape(node)
        return {"units": made[-1] if made else None, "out_dtype": "int32"}


@dataclass(frozen=True)
class QnnBatchMatmul(_QnnMatmul):
    """`qnn.batch_matmul`, whose second stack is (batch, columns, inner)."""

    swapped: Callable[[Any, int], bool] = ask.is_batched_of_swapped
    straight: Callable[[Any, int], bool] = ask.is_batched

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """The second stack is swapped; the result is int32."""
        return {"out_dtype": "int32", "transpose_a": False, "transpose_b": True}


@dataclass(frozen=True)
class QnnConcatenate:
    """`qnn.concatenate(tensors, scales, zeros, scale, zero)`: `concat` of dequantised tensors, quantised."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """One form for each number of tensors up to `MOST_TENSORS`."""
        data, scales, zeros, scale, zero = _patterns(args, 5)
        fields = _fields(data)
        counts = range(1, MOST_TENSORS + 1) if fields is None else [len(fields)]
        ops = []
        for count in counts:
            parts = [_numbered(each, count) for each in (data, scales, zeros)]
            stored = [Op(("dequantize",), each) for each in zip(*parts, strict=True)]
            ops.append(Op(("quantize",), (Op(("concat",), (Tuple(tuple(stored)),)), scale, zero)))
        made = ops[0] if len(ops) == 1 else Alternatives(tuple(ops))
        return Built(made, tuple(ops))

    def args(self, view: View, node: int) -> list[Expr]:
        """The tensors, their scales, their zero points, the result's."""
        inner, *own = view.graph.operands[node]
        fields = view.graph.operands[view.graph.operands[inner][0]]
        columns = zip(*[view.graph.operands[each] for each in fields], strict=True)
        tuples = [expr.Tuple([view.expr(each) for each in column]) for column in columns]
        return [*tuples, *[view.expr(each) for each in own]]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """`axis`."""
        return of_op(view, view.graph.operands[node][0], NAMES["concatenate"])


@dataclass(frozen=True)
class Requantize:
    """`qnn.requantize(x, scale, zero, out_scale, out_zero)`: `quantize` of a sum, or of a `dequantize`."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """Which of both, the operand says."""
        data, scale, zero, out_scale, out_zero = _five(args)
        if data.sums or data.averaged is not None:
            op = Op(("quantize",), (data.averaged or data.pattern, out_scale, out_zero))
        else:
            stored = Op(("dequantize",), (data.pattern, scale, zero))
            op = Op(("quantize",), (stored, out_scale, out_zero))
        return Built(op, (op,))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data, the scale and zero point of its integers, those of the result."""
        data, scale, zero = view.graph.operands[node]
        graph = view.graph
        wide = graph.operands[data][0] if graph.operands[data] else data
        if graph.ops[data] == "dequantize" and not view.is_sum(data):
            given = [view.expr(each) for each in graph.operands[data]]
        elif graph.ops[wide] == "dequantize" and view.is_sum(wide):
            given = [view.expr(each) for each in (data, *graph.operands[wide][1:])]
        else:
            given = [view.expr(data), view.scale_of_sum(data), view.number(0, "int32")]
        return [*given, view.expr(scale), view.expr(zero)]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """The dtype of the result, the axis of its scales; how Relay rounds is left to the chip."""
        given = view.attributes(node)
        axis = given.get("axis", -1)
        said = {"rounding": "None", "compute_dtype": "None"}
        return {"axis": axis, **said, "out_dtype": given.get("out_dtype", "")}


@dataclass(frozen=True)
class QnnBinary:
    """`qnn.add(l, r, l_scale, l_zero, r_scale, r_zero, scale, zero)`: an op of dequantised tensors, quantised."""

    relax: str

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The op, `dequantize` before each operand, `quantize` after it."""
        given = _patterns(args, 8)
        left = Op(("dequantize",), (given[0], given[2], given[3]))
        right = Op(("dequantize",), (given[1], given[4], given[5]))
        op = Op(("quantize",), (Op((self.relax,), (left, right)), given[6], given[7]))
        return Built(op, (op,))

    def args(self, view: View, node: int) -> list[Expr]:
        """Both tensors, then scale and zero point of each and of the result."""
        inner, *own = view.graph.operands[node]
        both = [view.graph.operands[each] for each in view.graph.operands[inner]]
        (left, *of_left), (right, *of_right) = both
        return [view.expr(each) for each in (left, right, *of_left, *of_right, *own)]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """The axes of scales: none, as Relay has it."""
        return {"lhs_axis": -1, "rhs_axis": -1}


@dataclass(frozen=True)
class QnnUnary:
    """`qnn.sigmoid(x, scale, zero, out_scale, out_zero)`: an op of a dequantised tensor, quantised.

    `relay` is the float operator in Relay.
    """

    relay: str

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The op between `dequantize` and `quantize`."""
        data, scale, zero, out_scale, out_zero = _five(args)
        stored = Op(("dequantize",), (data.pattern, scale, zero))
        inner = Op((NAMES[self.relay].relax,), (stored,))
        op = Op(("quantize",), (inner, out_scale, out_zero))
        return Built(op, (op,))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data, scale and zero point of it and of the result."""
        inner, *own = view.graph.operands[node]
        stored = view.graph.operands[inner][0]
        return [view.expr(each) for each in (*view.graph.operands[stored], *own)]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """Those of the op."""
        return of_op(view, view.graph.operands[node][0], NAMES[self.relay])


@dataclass(frozen=True)
class QnnHardswish:
    """`qnn.hardswish(x, scale, zero, out_scale, out_zero)`: x * clip(x + 3, 0, 6) / 6 of a dequantised tensor."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The five ops between, in the order in which Relay models are read."""
        data, scale, zero, out_scale, out_zero = _five(args)
        stored = Op(("dequantize",), (data.pattern, scale, zero))
        gate = Op(("clip",), (Op(("add",), (stored, Number(3.0))), Number(0.0), Number(6.0)))
        inner = Op(("divide",), (Op(("multiply",), (stored, gate)), Number(6.0)))
        op = Op(("quantize",), (inner, out_scale, out_zero))
        return Built(op, (op,))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data, scale and zero point of it and of the result."""
        graph = view.graph
        divided, *own = graph.operands[node]
        factors = graph.operands[graph.operands[divided][0]]
        stored = next(each for each in factors if graph.ops[each] == "dequantize")
        return [view.expr(each) for each in (*graph.operands[stored], *own)]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """None."""
        return {}


def _fields(pattern: Pattern) -> tuple[Pattern, ...] | None:
    """The fields of a tuple's pattern, None for any."""
    return pattern.fields if isinstance(pattern, Tuple) else None


def _numbered(pattern: Pattern, count: int) -> tuple[Pattern, ...]:
    """The fields of a tuple's pattern, wildcards when it takes any; a pattern that fits none for another count."""
    fields = _fields(pattern)
    if fields is not None and len(fields) != count:
        return (Op(("relay.none",)),) * count
    return fields or tuple([Wildcard() for _ in range(count)])


def _patterns(args: Sequence[Operand] | None, count: int) -> list[Pattern]:
    """`count` operands, wildcards for those that are not given."""
    given = [] if args is None else [each.pattern for each in args[:count]]
    return given + [Wildcard() for _ in range(count - len(given))]


def _five(args: Sequence[Operand] | None) -> tuple[Operand, Pattern, Pattern, Pattern, Pattern]:
    _, scale, zero, out_scale, out_zero = _patterns(args, 5)
    data = args[0] if args else Operand(Wildcard())
    return data, scale, zero, out_scale, out_zero


def _product(args: Sequence[Operand] | None) -> tuple[Pattern, Pattern]:
    """Both factors behind their `dequantize`."""
    data, weight, data_zero, weight_zero, data_scale, weight_scale = _patterns(args, 6)
    left = Op(("dequantize",), (data, data_scale, data_zero))
    return left, Op(("dequantize",), (weight, weight_scale, weight_zero))


def _factors(view: View, left: int, right: int) -> list[Expr]:
    """What two `dequantize` read, in the order of `qnn.conv2d`."""
    data, data_scale, data_zero = view.graph.operands[left]
    weight, weight_scale, weight_zero = view.graph.operands[right]
    order = (data, weight, data_zero, weight_zero, data_scale, weight_scale)
    return [view.expr(each) for each in order]
