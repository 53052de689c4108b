"""Constants that only change their shape or type are new constants, as they are when ONNX is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import ir, tirx

from byoc.frontends.relay.operation import relax_dtype
from byoc.frontends.relay.values import array_of, constant

_FOLDED = frozenset(
    f"relax.{name}" for name in ("reshape", "astype", "permute_dims", "expand_dims", "squeeze")
)


def fold(value: Any) -> Any:
    """Evaluate a reshape, cast or transpose of a constant; None for anything else."""
    if not (
        isinstance(value, ir.Call) and isinstance(value.op, ir.Op) and value.op.name in _FOLDED
    ):
        return None
    array = array_of(value.args[0])
    if array is None or value.ty.shape is None:
        return None
    if value.op.name == "relax.astype":
        with np.errstate(invalid="ignore", over="ignore"):
            return constant(array.astype(relax_dtype(str(value.attrs.dtype))))
    if value.op.name == "relax.permute_dims":
        axes = value.attrs.axes
        order = [int(axis) for axis in axes] if axes is not None else None
        return constant(np.ascontiguousarray(array.transpose(order)))
    if not all(isinstance(dim, tirx.IntImm) for dim in value.ty.shape):
        return None
    return constant(array.reshape([int(dim) for dim in value.ty.shape]))
