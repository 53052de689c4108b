"""One call of a Relay operator on its way into Relax, and the table of the operators that byoc converts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from tvm import relax, tirx

from byoc.frontends.relay import ast
from byoc.frontends.relay.values import Accumulator, Closure, Value, array_of, constant

if TYPE_CHECKING:
    from byoc.frontends.relay.ndarray import Array


class Misfit(Exception):  # noqa: N818 (a verdict, not an error)
    """A call that Relax has no form for; the message says why, without the place."""


def _undefined(value: Value) -> Any:
    """No definition."""
    return None


@dataclass(frozen=True, slots=True)
class Operation:
    """A call: the operator's name, what it is given, and all its attributes, Relay's defaults filled in.

    `bind` gives a Relax expression a variable, named after the call and a word; `definition` gives back what a
    variable is bound to, and None for any other value.
    """

    name: str
    args: Sequence[Value]
    attrs: Mapping[str, Any]
    bind: Callable[[Any, str], Any]
    at: ast.Position
    definition: Callable[[Value], Any] = _undefined

    def __getitem__(self, attribute: str) -> Any:
        return self.attrs[attribute]

    def misfit(self, why: str) -> NoReturn:
        """Raise Misfit."""
        raise Misfit(why)

    def expr(self, index: int = 0) -> Any:
        """An argument as a Relax expression of one tensor. Raises Misfit."""
        return self.tensor(self.args[index])

    def tensor(self, value: Value) -> Any:
        """A value as a Relax expression of one tensor; an accumulator's integers are made. Raises Misfit."""
        if isinstance(value, Accumulator):
            return self._integers(value)
        if isinstance(value, tuple | Closure) or not isinstance(value.ty, relax.TensorType):
            self.misfit("an argument is no tensor")
        return value

    def _integers(self, value: Accumulator) -> Any:
        scale, zero_point = value.along(value.real.ty.ndim)
        steps = self.bind(relax.op.divide(value.real, constant(scale)), "scaled")
        rounded = self.bind(relax.op.round(steps), "rounded")
        whole = self.bind(relax.op.astype(rounded, value.dtype), "integer")
        if not zero_point.any():
            return whole
        return self.bind(relax.op.add(whole, constant(zero_point.astype(value.dtype))), "stored")

    def exprs(self, index: int = 0) -> list[Any]:
        """The tensors of a tuple argument. Raises Misfit."""
        return [self.tensor(each) for each in self.fields(index)]

    def fields(self, index: int = 0) -> list[Value]:
        """The values of a tuple argument. Raises Misfit."""
        value = self.args[index]
        if isinstance(value, tuple):
            return list(value)
        if isinstance(value, Accumulator | Closure) or not isinstance(value.ty, relax.TupleType):
            self.misfit("an argument is no tuple")
        return [
            self.bind(relax.TupleGetItem(value, each), "item")
            for each in range(len(value.ty.fields))
        ]

    def dims(self, expr: Any) -> list[Any]:
        """The extents of a tensor, integers and symbolic ones. Raises Misfit when the rank is not known."""
        if expr.ty.shape is None:
            self.misfit("the shape of an argument is not known")
        return [int(dim) if isinstance(dim, tirx.IntImm) else dim for dim in expr.ty.shape]

    def static(self, expr: Any) -> list[int]:
        """The extents of a tensor as integers. Raises Misfit for a symbolic one."""
        dims = self.dims(expr)
        if not all(isinstance(dim, int) for dim in dims):
            self.misfit("the shape of an argument is symbolic")
        return dims

    def ranked(self, expr: Any, rank: int) -> list[Any]:
        """The extents of a tensor of that rank. Raises Misfit."""
        dims = self.dims(expr)
        if len(dims) != rank:
            self.misfit(f"a tensor of rank {len(dims)}, where one of rank {rank} belongs")
        return dims

    def axis(self, axis: Any, rank: int) -> int:
        """A non-negative axis. Raises Misfit for one beyond `rank`."""
        if not isinstance(axis, int) or not -rank <= axis < rank:
            self.misfit(f"axis {axis} of a tensor of rank {rank}")
        return axis % rank

    def axes(self, axes: Any, rank: int) -> list[int]:
        """Non-negative axes; all for None or (). Raises Misfit."""
        if axes is None or axes == ():
            return list(range(rank))
        found = [self.axis(each, rank) for each in (axes if isinstance(axes, tuple) else (axes,))]
        if len(set(found)) != len(found):
            self.misfit(f"axes {axes} name one twice")
        return found

    def extents(self, attribute: str, rank: int) -> tuple[int, ...]:
        """An attribute that has to be `rank` positive integers. Raises Misfit."""
        value = self[attribute]
        if (
            not isinstance(value, tuple)
            or len(value) != rank
            or not all(isinstance(each, int) and each > 0 for each in value)
        ):
            self.misfit(f"{attribute} is {value}, where {rank} extents are expected")
        return value

    def array(self, index: int, what: str) -> Array:
        """The data of an argument that has to be a constant. Raises Misfit."""
        array = array_of(self.args[index])
        if array is None:
            self.misfit(f"{what} is computed by the model")
        return array

    def number(self, index: int, what: str) -> Any:
        """The one number of a constant argument. Raises Misfit."""
        array = self.array(index, what)
        if array.size != 1:
            self.misfit(f"{what} is {array.size} numbers, where one is expected")
        return array.reshape(())[()]

    def integers(self, index: int, what: str) -> list[int]:
        """The elements of a constant argument as integers. Raises Misfit."""
        array = self.array(index, what)
        if array.dtype.kind not in "iub":
            self.misfit(f"{what} is {array.dtype}, where integers are expected")
        return [int(each) for each in array.reshape(-1)]


Convert = Callable[[Operation], Value]


@dataclass(frozen=True, slots=True)
class Row:
    """How one Relay operator becomes Relax: its family, what it takes, its form in words, what converts it."""

    name: str
    family: str
    arguments: tuple[int, int]
    defaults: Mapping[str, Any]
    form: str
    convert: Convert


class Family:
    """The rows of one family of operators."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[str, Row] = {}

    def operator(
        self, name: str, form: str, *, arguments: int | tuple[int, int] = 1, **defaults: Any
    ) -> Callable[[Convert], Convert]:
        """Register the function below as what converts `name`; `defaults` are Relay's of its attributes."""
        span = (arguments, arguments) if isinstance(arguments, int) else arguments

        def register(convert: Convert) -> Convert:
            assert name not in self.rows, name
            self.rows[name] = Row(name, self.name, span, defaults, form, convert)
            return convert

        return register


def product(dims: Sequence[Any]) -> Any:
    """The product of extents, symbolic ones too."""
    return math.prod(dims)


def shape_of(dims: Sequence[Any]) -> Any:
    """Extents as what Relax takes for a shape."""
    return relax.ShapeExpr(list(dims))


def scalar(value: float, dtype: str) -> Any:
    """A Relax constant of rank 0."""
    return constant(np.asarray(value).astype(relax_dtype(dtype)))


def relax_dtype(dtype: str) -> Any:
    """Numpy's dtype of that name."""
    if dtype == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(dtype)
