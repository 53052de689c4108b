"""Relay's expressions, as the check functions of pattern tables see them: a view of Relax calls, read when asked.

A view is made by `byoc.relay.view`; tables only ask `isinstance(x, Constant)` and read the fields. `const` makes
the constants that patterns name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from byoc.errors import nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Int(int):
    """A whole number that also has TVM's `.value`."""

    @property
    def value(self) -> int:
        """The number."""
        return int(self)


@dataclass(frozen=True)
class AnyDim:
    """A dimension that is not known before the model runs (Relay's `Any`)."""

    name: str = "?"


@dataclass(frozen=True)
class TensorType:
    """A tensor's type: `shape` of ints (`AnyDim` where unknown), `dtype` as text (`float32`)."""

    shape: tuple[Any, ...]
    dtype: str = "float32"

    @property
    def concrete_shape(self) -> tuple[int, ...]:
        """The shape as ints; raises TypeError for an unknown dimension."""
        return tuple(int(each) for each in self.shape)


@dataclass(frozen=True)
class TupleType:
    """A tuple's type."""

    fields: tuple[Any, ...]


@dataclass(frozen=True)
class Op:
    """A Relay operator."""

    name: str

    def __str__(self) -> str:
        return self.name


class Attrs(Mapping[str, Any]):
    """A call's attributes in Relay's names and types: `attrs.strides`, `attrs["strides"]`."""

    def __init__(self, values: Mapping[str, Any], whose: str = "") -> None:
        self._values, self._whose = {key: plain(value) for key, value in values.items()}, whose

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            has = ", ".join(self) or "none"
            near = nearest(name, self)
            raise AttributeError(f"{self._whose} has no attribute {name!r} (it has {has}){near}")
        return self._values[name]

    def get_int(self, name: str) -> int:
        """A number."""
        return int(self[name])

    def get_str(self, name: str) -> str:
        """A text."""
        return str(self[name])

    def get_int_tuple(self, name: str) -> tuple[int, ...]:
        """A list of numbers."""
        return tuple(int(each) for each in self[name])


class Expr:
    """A Relay expression. `checked_type` is its TensorType or TupleType; arithmetic makes calls."""

    def __init__(self, checked_type: Any) -> None:
        self._type = checked_type

    @property
    def checked_type(self) -> Any:
        """The type; of an expression that a callback made, it is inferred when first asked for."""
        if self._type is None:
            from byoc.relay.emit import inferred

            self._type = inferred(self)
        return self._type

    @property
    def _checked_type_(self) -> Any:
        return self.checked_type

    def __add__(self, other: Any) -> Expr:
        return _arithmetic("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        return _arithmetic("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        return _arithmetic("subtract", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return _arithmetic("subtract", other, self)

    def __mul__(self, other: Any) -> Expr:
        return _arithmetic("multiply", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return _arithmetic("multiply", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return _arithmetic("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return _arithmetic("divide", other, self)

    def __neg__(self) -> Expr:
        return Call(Op("negative"), [self])

    def astype(self, dtype: str) -> Expr:
        """A cast."""
        return Call(Op("cast"), [self], {"dtype": dtype})


class Var(Expr):
    """A value from outside the match."""

    def __init__(self, name_hint: str, checked_type: Any) -> None:
        super().__init__(checked_type)
        self.name_hint = name_hint

    @property
    def type_annotation(self) -> Any:
        """The type, as it is written."""
        return self.checked_type


class Data:
    """A constant's data."""

    def __init__(self, read: Callable[[], npt.NDArray[np.generic]]) -> None:
        self._read = read

    @cached_property
    def _array(self) -> npt.NDArray[np.generic]:
        return self._read()

    def numpy(self) -> npt.NDArray[np.generic]:
        """The data as a numpy array."""
        return self._array

    asnumpy = numpy

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self._array.shape

    @property
    def dtype(self) -> str:
        """The dtype."""
        return str(self._array.dtype)


class Constant(Expr):
    """A constant. `data.numpy()` is its data."""

    def __init__(self, read: Callable[[], npt.NDArray[np.generic]], checked_type: Any) -> None:
        super().__init__(checked_type)
        self.data = Data(read)


class Tuple(Expr):
    """A tuple of `fields`."""

    def __init__(self, fields: Sequence[Expr]) -> None:
        super().__init__(None)
        self.fields = list(fields)

    @property
    def checked_type(self) -> Any:
        """The types of the fields."""
        return TupleType(tuple(each.checked_type for each in self.fields))


class TupleGetItem(Expr):
    """Item `index` of `tuple_value`."""

    def __init__(self, tuple_value: Expr, index: int, checked_type: Any = None) -> None:
        super().__init__(checked_type)
        self.tuple_value, self.index = tuple_value, index


class Call(Expr):
    """A call of the operator `op` with `args` and `attrs`, as a callback makes it."""

    def __init__(
        self,
        op: Op | str,
        args: Sequence[Expr],
        attrs: Mapping[str, Any] | None = None,
        type_args: Any = None,
        span: Any = None,
    ) -> None:
        super().__init__(None)
        del type_args
        self.op, self.span = Op(op) if isinstance(op, str) else op, span
        self._args: Callable[[], Sequence[Expr]] = lambda: args
        self._attrs: Callable[[], Mapping[str, Any]] = lambda: attrs or {}

    @property
    def made(self) -> bool:
        """Whether a callback made it: no model has it yet."""
        return True

    @cached_property
    def args(self) -> list[Expr]:
        """The operands, in Relay's order."""
        return list(self._args())

    @cached_property
    def attrs(self) -> Attrs:
        """The attributes, in Relay's names."""
        return Attrs(self._attrs(), self.op.name)

    @property
    def type_args(self) -> list[Any]:
        """The operands' types."""
        return [each.checked_type for each in self.args]


class SeenCall(Call):
    """A call of a model; `args` and `attrs` are read when first asked for. `place` is its graph and node there."""

    def __init__(
        self,
        op: str,
        args: Callable[[], Sequence[Expr]],
        attrs: Callable[[], Mapping[str, Any]],
        checked_type: Any,
    ) -> None:
        super().__init__(op, ())
        self.place: Any = None
        self._type, self._args, self._attrs = checked_type, args, attrs

    @property
    def made(self) -> bool:
        """No: the model has it."""
        return False


RelayExpr = Expr


def var(
    name_hint: str, type_annotation: Any = None, shape: Any = None, dtype: str = "float32"
) -> Var:
    """A variable: of a type, or of a shape and dtype."""
    if type_annotation is None:
        dims = () if shape is None else shape
        type_annotation = TensorType(tuple(plain(each) for each in dims), dtype)
    return Var(name_hint, type_annotation)


def const(value: Any, dtype: str | None = None) -> Constant:
    """A constant; numbers and lists are float32 and int32 unless `dtype` says otherwise, as in Relay."""
    import numpy as np

    array = np.asarray(value, dtype)
    if dtype is None and isinstance(value, int | float | list):
        array = array.astype(
            {"float64": "float32", "int64": "int32"}.get(str(array.dtype), array.dtype)
        )
    return Constant(lambda: array, TensorType(tuple(map(Int, array.shape)), str(array.dtype)))


def _arithmetic(name: str, left: Any, right: Any) -> Expr:
    return Call(
        Op(name), [each if isinstance(each, Expr) else const(each) for each in (left, right)]
    )


def plain(value: Any) -> Any:
    """An attribute as Relay's Python has it: numbers with `.value`, sequences as tuples."""
    if isinstance(value, bool) or not isinstance(value, int | tuple | list):
        return value
    return Int(value) if isinstance(value, int) else tuple(plain(each) for each in value)


def __getattr__(name: str) -> Any:
    """`Any` is a dimension in Relay; `GlobalVar` is TVM's."""
    if name == "Any":
        return AnyDim
    if name == "GlobalVar":
        from tvm.ir import GlobalVar

        return GlobalVar
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
