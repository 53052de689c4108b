"""Op: one call of a segment, as the functions that lower it read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from byoc.vendors.npu.layers import Tensor
from byoc.vendors.npu.lower.builder import Builder
from byoc.vendors.npu.lower.values import Constant, Value


@dataclass(frozen=True, slots=True)
class Op:
    """A call of the Relax op `name`, bound as `var`. `read` gives the value of an operand's expression."""

    name: str
    var: str
    call: Any
    builder: Builder
    read: Callable[[Any], Value]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.extents(self.call.ty)

    @property
    def dtype(self) -> str:
        """The dtype of the result."""
        return str(self.call.ty.dtype)

    @property
    def arguments(self) -> int:
        """How many operands there are."""
        return len(self.call.args)

    def extents(self, ty: Any) -> tuple[int, ...]:
        """The shape that a type states. Refuses symbolic ones."""
        return extents(ty, self.builder)

    def operand(self, index: int) -> Value:
        """The value of an operand, which this op uses up."""
        return self.read(self.call.args[index])

    def operand_shape(self, index: int) -> tuple[int, ...]:
        """The shape of an operand."""
        return self.extents(self.call.args[index].ty)

    def tensor(self, index: int) -> Tensor:
        """An operand as a tensor, 8-bit or float32."""
        return self.builder.stored(self.operand(index), f"{self.var}.operand{index}")

    def floats(self, index: int) -> Tensor:
        """An operand as a float32 tensor."""
        return self.builder.floats(self.operand(index), f"{self.var}.operand{index}")

    def constant(self, index: int) -> Constant:
        """An operand that is known. Refuses one that is not."""
        value = self.operand(index)
        if not isinstance(value, Constant):
            raise self.builder.refused(f"operand {index} of {self.name} is no constant", "constant")
        return value

    def ints(self, attribute: str) -> tuple[int, ...]:
        """An attribute that is a list of integers."""
        return tuple(int(each) for each in getattr(self.call.attrs, attribute))

    def text(self, attribute: str) -> str:
        """An attribute that is a word."""
        return str(getattr(self.call.attrs, attribute))

    def number(self, index: int) -> float:
        """An operand that is a literal number, such as a bound of `clip`."""
        arg = self.call.args[index]
        value = getattr(arg, "value", arg)
        return float(getattr(value, "value", value))

    def literals(self, index: int) -> tuple[int, ...]:
        """An operand that is a tuple of literal integers."""
        return tuple(int(getattr(each, "value", each)) for each in self.call.args[index].fields)

    def axis(self, given: int, rank: int) -> int:
        """An axis counted from the front."""
        return given + rank if given < 0 else given

    def axes(self, attribute: str, rank: int) -> tuple[int, ...]:
        """Axes, counted from the front."""
        return tuple(self.axis(each, rank) for each in self.ints(attribute))

    def demand(self, holds: bool, message: str) -> None:
        """Refuse the composite unless `holds`: the support table should have."""
        if not holds:
            raise self.builder.refused(f"{self.name}: {message}")


Lowering = Callable[[Op], Value]


def extents(ty: Any, builder: Builder) -> tuple[int, ...]:
    """The shape that a tensor's type states. Refuses symbolic ones."""
    values: Sequence[Any] | None = (
        getattr(ty.shape, "values", None) if ty.shape is not None else None
    )
    if values is None or not all(hasattr(each, "value") for each in values):
        raise builder.refused("programs are made for shapes that are known", "dynamic")
    return tuple(int(each.value) for each in values)
