"""Call: what an emitter sees of one Relax call, and how it writes ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from tvm import ir, relax, tirx

from byoc.codegen.export._dims import Dims
from byoc.codegen.export._weights import Array
from byoc.codegen.export._writer import NewerOpset, Writer
from byoc.errors import ExportError
from byoc.frontends.onnx.types import dtype_of, element_type, numpy_dtype
from byoc.frontends.onnx.values import constant_array

Value = Any
"""A Relax value in ONNX: a value's name, or a tuple of these."""


@dataclass(frozen=True, slots=True)
class Emitter:
    """How one Relax op is written: `write` returns the values of the result, `ops` are the ONNX operators it uses.

    The first of `ops` is the one that says the most; the others stand beside it in some cases.
    """

    write: Callable[[Call], Value]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One Relax call on its way into ONNX; `read` gives the ONNX value of an argument."""

    op: str
    expr: Any
    read: Callable[[int], Value]
    writer: Writer
    dims: Dims

    @property
    def attrs(self) -> Any:
        """TVM's attributes."""
        return self.expr.attrs

    @property
    def opset(self) -> int:
        """The opset that is written."""
        return self.writer.opset

    def __getitem__(self, index: int) -> str:
        """The ONNX value of a tensor argument."""
        value = self.read(index)
        assert isinstance(value, str), f"argument {index} of {self.op} is no tensor"
        return value

    def items(self, index: int) -> tuple[str, ...]:
        """The ONNX values of a tuple argument."""
        value = self.read(index)
        return tuple(value) if isinstance(value, tuple) else (value,)

    def array(self, index: int) -> Array | None:
        """The data of a constant argument, None when it is computed."""
        arg = self.expr.args[index]
        return constant_array(arg) if isinstance(arg, ir.GenericConst) else None

    def shape(self, index: int = 0) -> list[Any]:
        """The dims of a tensor argument, integers and expressions. Raises ExportError when they are not known."""
        return self._dims(self.expr.args[index].ty)

    def out_shape(self) -> list[Any]:
        """The dims of the result."""
        return self._dims(self.expr.ty)

    def _dims(self, ty: Any) -> list[Any]:
        values = getattr(ty.shape, "values", None)
        if values is None:
            self.decline("the shape of a tensor is not known")
        return [plain(each) for each in values]

    def rank(self, index: int = 0) -> int:
        """The rank of a tensor argument. Raises ExportError when it is not known."""
        rank = int(self.expr.args[index].ty.ndim)
        if rank < 0:
            self.decline("the rank of a tensor is not known")
        return rank

    def static(self, index: int = 0) -> list[int]:
        """The dims of a tensor argument as integers. Raises ExportError for symbolic ones."""
        dims = self.shape(index)
        if not all(isinstance(each, int) for each in dims):
            self.decline("its shape is symbolic")
        return dims

    def dtype(self, index: int = 0) -> str:
        """The dtype of a tensor argument."""
        return dtype_of(self.expr.args[index].ty)

    def out_dtype(self) -> str:
        """The dtype of the result, of a tuple's first."""
        ty = self.expr.ty
        return dtype_of(ty.fields[0] if isinstance(ty, relax.TupleType) else ty)

    def is_float(self, index: int = 0) -> bool:
        """Whether a tensor argument holds floating-point numbers."""
        return "float" in self.dtype(index)

    def dims_of(self, index: int) -> list[Any]:
        """A shape argument, or a tuple of integers, as integers and expressions."""
        arg = self.expr.args[index]
        if isinstance(arg, relax.ShapeExpr):
            return [plain(each) for each in arg.values]
        if isinstance(arg, ir.Tuple):
            return [plain(each) for each in arg.fields]
        values = getattr(arg.ty, "values", None)
        if values is None:
            self.decline("a shape is computed by the model")
        return [plain(each) for each in values]

    def number(self, index: int) -> Any:
        """A literal argument as a number, an expression when it is symbolic."""
        return plain(self.expr.args[index])

    def ints(self, name: str) -> list[int] | None:
        """An attribute that lists integers, None when it is absent."""
        value = getattr(self.attrs, name)
        if value is None:
            return None
        return (
            [int(value)] if isinstance(value, int | tirx.IntImm) else [int(each) for each in value]
        )

    def axis(self, axis: Any, rank: int) -> int:
        """A non-negative axis."""
        return int(axis) + rank if int(axis) < 0 else int(axis)

    def emit(self, op: str, *inputs: str | None, **attrs: Any) -> str:
        """Write a node of one output; return its name."""
        return self.writer.node(op, inputs, **attrs)[0]

    def emit_many(self, op: str, count: int, *inputs: str | None, **attrs: Any) -> tuple[str, ...]:
        """Write a node of `count` outputs."""
        return tuple(self.writer.node(op, inputs, count, **attrs))

    def constant(self, array: Any, dtype: str, label: str = "const") -> str:
        """An initializer."""
        return self.writer.constant(
            np.asarray(array).astype(numpy_dtype(dtype)), f"{self.writer.prefix}_{label}"
        )

    def vector(self, dims: Sequence[Any]) -> str:
        """An int64 vector of integers and dimensions."""
        return self.dims.vector(dims)

    def like(self, number: float, index: int = 0) -> str:
        """A scalar of an argument's dtype."""
        return self.constant(number, self.dtype(index))

    def cast(self, value: str, dtype: str, known: str = "") -> str:
        """`value` as `dtype`; `known` is what it is already."""
        return value if known == dtype else self.emit("Cast", value, to=element_type(dtype))

    def reshape(self, value: str, dims: Sequence[Any]) -> str:
        """`value` in another shape."""
        return self.emit("Reshape", value, self.vector(dims))

    def transpose(self, value: str, axes: Sequence[int]) -> str:
        """`value` with its axes in another order."""
        if list(axes) == sorted(axes):
            return value
        return self.emit("Transpose", value, perm=[int(each) for each in axes])

    def reduce(self, op: str, value: str, axes: Sequence[int] | None, keepdims: bool = True) -> str:
        """A reduction over `axes`, over all when None; their place changed from attribute to input in opset 18."""
        keep = int(keepdims)
        if axes is None:
            return self.emit(op, value, keepdims=keep)
        if self.opset >= 18 or op == "ReduceSum":
            return self.emit(op, value, self.vector(axes), keepdims=keep)
        return self.emit(op, value, axes=list(axes), keepdims=keep)

    def need(self, version: int, what: str) -> None:
        """Ask for a newer opset. Raises NewerOpset."""
        if self.opset < version:
            raise NewerOpset(version, f"{what} came with opset {version}")

    def decline(self, why: str) -> NoReturn:
        """Raise ExportError: ONNX has no word for this form."""
        raise ExportError(f"{self.writer.where()}{self.op} has no form in ONNX here: {why}.")


def plain(expr: Any) -> Any:
    """A literal as Python's int or float; other expressions as they are."""
    if isinstance(expr, tirx.IntImm):
        return int(expr)
    if isinstance(expr, tirx.FloatImm):
        return float(expr)
    return expr
