"""Dims: symbolic dimensions as ONNX integers, computed from the shapes of what the graph already has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from tvm import ir, relax, tirx

from byoc.codegen.export._writer import Writer
from byoc.errors import ExportError

_SIMPLE = {tirx.Add: "Add", tirx.Sub: "Sub", tirx.Mul: "Mul", tirx.Min: "Min", tirx.Max: "Max"}


class Dims:
    """Where each symbolic dimension can be read, and the arithmetic over them.

    A dimension is the extent of an axis of a tensor, or an element of an integer tensor. Results are int64 tensors
    of one dimension.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._read: dict[int, Callable[[], str]] = {}
        self._known: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()

    def from_tensor(self, ty: Any, value: str) -> None:
        """Note the dimensions that the type of tensor `value` names first."""
        for axis, dim in enumerate(_values(ty)):
            self._define(dim, partial(self._extent, value, axis))

    def from_elements(self, dims: Sequence[Any], value: str) -> None:
        """Note the dimensions that are elements of the integer vector `value`."""
        for index, dim in enumerate(dims):
            self._define(dim, partial(self._element, value, index))

    def from_scalar(self, dim: Any, value: str) -> None:
        """Note a dimension that is the integer scalar `value`."""
        self._define(dim, lambda: self._emit("Reshape", value, self._constant([1])))

    def param(self, dim: Any) -> str | int | None:
        """A dimension as a type states it: an integer, a symbol, None for any other expression."""
        if isinstance(dim, int | tirx.IntImm):
            return int(dim)
        return self._symbol(dim) if isinstance(dim, ir.Var) else None

    def vector(self, dims: Sequence[Any]) -> str:
        """`dims` as an int64 vector."""
        parts: list[str] = []
        run: list[int] = []
        for dim in dims:
            if isinstance(dim, int | tirx.IntImm):
                run.append(int(dim))
                continue
            parts += [self._constant(run)] if run else []
            run = []
            parts.append(self.element(dim))
        if run or not parts:
            parts.append(self._constant(run))
        return parts[0] if len(parts) == 1 else self._emit("Concat", *parts, axis=0)

    def scalar(self, dim: Any) -> str:
        """`dim` as an int64 scalar."""
        if isinstance(dim, int | tirx.IntImm):
            return self._constant(int(dim))
        return self._emit("Reshape", self.element(dim), self._constant([]))

    def element(self, dim: Any) -> str:
        """`dim` as an int64 vector of one element. Raises ExportError for a dimension that nothing here has."""
        if isinstance(dim, int | tirx.IntImm):
            return self._constant([int(dim)])
        if isinstance(dim, ir.Var):
            return self._variable(dim)
        if isinstance(dim, tirx.Cast):
            return self.element(dim.value)
        operation = _SIMPLE.get(type(dim))
        if operation:
            return self._emit(operation, self.element(dim.a), self.element(dim.b))
        if isinstance(dim, tirx.FloorDiv):
            return self._floor_divide(dim)
        if isinstance(dim, tirx.FloorMod):
            return self._emit("Mod", self.element(dim.a), self.element(dim.b))
        if isinstance(dim, tirx.Div):
            return self._emit("Div", self.element(dim.a), self.element(dim.b))
        if isinstance(dim, tirx.Mod):
            return self._emit("Mod", self.element(dim.a), self.element(dim.b), fmod=1)
        raise ExportError(
            f"{self.writer.where()}a dimension is {dim}, for which ONNX has no arithmetic. "
            "Bind the model's shapes."
        )

    def _floor_divide(self, dim: Any) -> str:
        above, below = self.element(dim.a), self.element(dim.b)
        if not (_not_negative(dim.a) and _not_negative(dim.b)):
            # ONNX divides towards zero; its Mod has the sign of the divisor.
            above = self._emit("Sub", above, self._emit("Mod", above, below))
        return self._emit("Div", above, below)

    def _variable(self, dim: Any) -> str:
        key = hash(dim)
        if key not in self._known:
            if key not in self._read:
                raise ExportError(
                    f"{self.writer.where()}dimension {dim.name} is that of no input or value of this region. "
                    "Bind the model's shapes."
                )
            self._known[key] = self._read[key]()
        return self._known[key]

    def _define(self, dim: Any, read: Callable[[], str]) -> None:
        if isinstance(dim, ir.Var):
            self._read.setdefault(hash(dim), read)

    def _symbol(self, dim: Any) -> str:
        key = hash(dim)
        if key not in self._names:
            name, count = dim.name, 0
            while name in self._taken:
                count += 1
                name = f"{dim.name}_{count}"
            self._taken.add(name)
            self._names[key] = name
        return self._names[key]

    def _extent(self, value: str, axis: int) -> str:
        if self.writer.opset >= 15:
            return self._emit("Shape", value, start=axis, end=axis + 1)
        return self._element(self._emit("Shape", value), axis)

    def _element(self, value: str, index: int) -> str:
        return self._emit("Gather", value, self._constant([index]), axis=0)

    def _emit(self, op: str, *inputs: str, **attrs: Any) -> str:
        return self.writer.node(op, inputs, **attrs)[0]

    def _constant(self, values: int | Sequence[int]) -> str:
        return self.writer.constant(np.array(values, "int64"), f"{self.writer.prefix}_dims")


def _values(ty: Any) -> Sequence[Any]:
    if isinstance(ty, relax.TensorType) and ty.shape is not None:
        return list(getattr(ty.shape, "values", None) or ())
    return ()


def _not_negative(expr: Any) -> bool:
    """Whether an expression over extents cannot be negative, as its form shows."""
    if isinstance(expr, int | tirx.IntImm):
        return int(expr) >= 0
    if isinstance(expr, tirx.Add | tirx.Mul | tirx.FloorDiv | tirx.Max | tirx.Min):
        return _not_negative(expr.a) and _not_negative(expr.b)
    return isinstance(expr, ir.Var)
