"""Operations: what an expression of a support table may do to the facts of an op, and the ways in which it fails.

Fields of tensors, functions and arithmetic, all bounded: an expression can neither run for long nor grow.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from byoc.support.facts import Quant, Tensor

MAX_ITEMS: Final = 100_000
MAX_STEPS: Final = 10_000
MAX_BITS: Final = 4_096


class UnknownError(Exception):
    """An expression needs a dimension (or a rank) that is not known when the model is partitioned."""


class NotConstantError(Exception):
    """An expression needs the data of a tensor that is no constant."""


class EvaluationError(Exception):
    """An expression cannot be evaluated for this op: a wrong type, a missing element, a division by zero."""


@dataclass(frozen=True, slots=True)
class UnknownDim:
    """Stands for a dimension without an extent; equal to itself by name, and unusable for anything else."""

    name: str

    @property
    def words(self) -> str:
        """How a message names the dimension."""
        return f"dimension {self.name}" if self.name else "a dimension"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, UnknownDim) and other.name == self.name and self.name:
            return True
        return bool(self._refuse())

    __hash__ = object.__hash__

    def _refuse(self, *_: object) -> Any:
        raise UnknownError(self.words)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __floordiv__ = __rfloordiv__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = _refuse
    __neg__ = __pos__ = __abs__ = __index__ = __int__ = __float__ = _refuse


def _shape(tensor: Tensor) -> tuple[Any, ...]:
    if tensor.shape is None:
        raise UnknownError("its rank")
    # A loop first: nearly every shape is known, and rules ask for it again and again.
    for dim in tensor.shape:
        if type(dim) is not int:
            return tuple(d if isinstance(d, int) else _unknown_dim(d or "") for d in tensor.shape)
    return tensor.shape


@lru_cache(maxsize=4096)
def _unknown_dim(name: str) -> UnknownDim:
    return UnknownDim(name)


def elements(tensor: Tensor) -> int:
    """How many elements a tensor has. Raises UnknownError when a dimension is not known."""
    return math.prod(_shape(tensor))


@lru_cache(maxsize=256)
def bits(dtype: str) -> int:
    """The bits of one element of `dtype`; 8 for `bool`."""
    digits = "".join(c if c.isdigit() else " " for c in dtype).split()
    return int(digits[0]) if digits else 8


def size_in_bytes(tensor: Tensor) -> int:
    """The bytes a tensor takes, sub-byte dtypes packed. Raises UnknownError when a dimension is not known."""
    return -(-elements(tensor) * bits(tensor.dtype) // 8)


TENSOR_FIELDS: Final[Mapping[str, Callable[[Tensor], Any]]] = {
    "dtype": lambda t: t.dtype,
    "shape": _shape,
    "rank": lambda t: len(_shape(t)),
    "elements": elements,
    "bytes": size_in_bytes,
    "constant": lambda t: t.constant,
    "layout": lambda t: t.layout,
    "quant": lambda t: t.quant,
}
QUANT_FIELDS: Final[Mapping[str, Callable[[Quant], Any]]] = {
    "scale": lambda q: q.scale,
    "zero_point": lambda q: q.zero_point,
    "axis": lambda q: q.axis,
}


def field(subject: Any, name: str) -> Any:
    """`subject.name` of a tensor, its quantisation or a table of figures. Raises TypeError or KeyError."""
    if type(subject) is Tensor:
        return TENSOR_FIELDS[name](subject)
    if isinstance(subject, dict):
        return subject[name]
    if isinstance(subject, Quant):
        return QUANT_FIELDS[name](subject)
    raise TypeError(f"a value without fields has no {name!r}")


def steps(values: Sized) -> Sized:
    """What a comprehension goes through, bounded. Raises OverflowError."""
    if len(values) > MAX_STEPS:
        raise OverflowError(f"a comprehension over {len(values)} values; at most {MAX_STEPS}")
    return values


def _abs_sum(tensor: Tensor, axis: int) -> tuple[float, ...]:
    """Sums of absolute values, one for each index of `axis`."""
    import numpy as np

    if not isinstance(tensor, Tensor):
        raise TypeError("abs_sum takes an input and an axis")
    if tensor.value is None:
        raise NotConstantError
    data = np.asarray(tensor.value())
    kind = np.int64 if data.dtype.kind in "iub" else np.float64
    if not -data.ndim <= axis < data.ndim:
        raise IndexError(f"axis {axis} of {data.ndim} dimensions")
    others = tuple(i for i in range(data.ndim) if i != axis % data.ndim)
    return tuple(np.abs(data.astype(kind)).sum(axis=others).tolist())


def _prod(values: Iterable[Any]) -> Any:
    return math.prod(_numbers(values))


def _sum(values: Iterable[Any]) -> Any:
    return sum(_numbers(values))


def _numbers(values: Iterable[Any]) -> list[Any]:
    numbers = list(values)
    if not all(isinstance(each, int | float | UnknownDim) for each in numbers):
        raise TypeError("only numbers can be added or multiplied")
    return numbers


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "prod": _prod,
    "sum": _sum,
    "min": min,
    "max": max,
    "abs": abs,
    "len": len,
    "all": all,
    "any": any,
    "abs_sum": _abs_sum,
}


def _bounded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Arithmetic on numbers and, for `+`, on short sequences: results cannot grow without limit."""

    def apply(left: Any, right: Any) -> Any:
        for each in (left, right):
            if isinstance(each, int):
                if each.bit_length() > MAX_BITS:
                    raise OverflowError("a number is too large")
            elif isinstance(each, str | tuple | list) and (
                function is not operator.add or len(each) > MAX_ITEMS
            ):
                raise TypeError("numbers were expected, not a sequence")
        return function(left, right)

    return apply


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, UnknownDim) or isinstance(exponent, UnknownDim):
        raise UnknownError("a dimension")
    if abs(exponent) > 64 or abs(base) > 2**64:
        raise OverflowError("a power is too large (base up to 2**64, exponent up to 64)")
    return base**exponent


ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: _bounded(operator.add),
    ast.Sub: _bounded(operator.sub),
    ast.Mult: _bounded(operator.mul),
    ast.Div: _bounded(operator.truediv),
    ast.FloorDiv: _bounded(operator.floordiv),
    ast.Mod: _bounded(operator.mod),
    ast.Pow: _power,
}
