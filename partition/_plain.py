"""TVM's values as plain Python: literals, attributes, shapes, constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tvm_ffi
from tvm import ir, relax, tirx

from byoc.partition.graph import listed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from byoc.support.facts import Attribute, Dim

PLAIN = (bool, int, float, type(None))


def plain(value: Any) -> Attribute:
    """A literal or attribute as plain Python: lists as tuples, dtypes and names as str, dimensions as `Dim`."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, str):
        return str(value)
    # `type(...) is`: isinstance asks TVM's abstract base classes, at 0.7 us each.
    if type(value) is tvm_ffi.Array:
        return tuple([plain(each) for each in listed(value)])
    if isinstance(value, tirx.IntImm | tirx.FloatImm | ir.StringImm):
        return _immediate(value)
    if isinstance(value, relax.ShapeExpr):
        return tuple([dim(each) for each in value.values])
    if isinstance(value, ir.Tuple):
        return tuple([plain(each) for each in value.fields])
    if isinstance(value, ir.GlobalVar):
        return str(value.name_hint)
    if isinstance(value, ir.Expr) and ir.is_prim_expr(value):
        return dim(value)
    return _other(value)


def dim(value: Any) -> Dim:
    """A dimension: an int, a variable's name, or an expression's text."""
    if type(value) is tirx.IntImm:
        return int(value.value)
    return str(value.name) if isinstance(value, ir.Var) else str(value)


def array(constant: Any) -> npt.NDArray[np.generic]:
    """The data of a Relax constant; bfloat16 and the 8-bit floats come as `ml_dtypes`' types."""
    import numpy as np

    data: npt.NDArray[np.generic] = constant.value.numpy()
    name = str(constant.ty.dtype)
    if data.dtype.name == name:
        return data
    import ml_dtypes

    wanted = np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)
    return data.view(wanted) if data.dtype.itemsize == wanted.itemsize else data.astype(wanted)


def _immediate(value: Any) -> Attribute:
    if isinstance(value, ir.StringImm):
        return str(value.value)
    number: int | float = value.value
    return bool(number) if str(value.ty) == "bool" else number


def _other(value: Any) -> Attribute:
    if hasattr(value, "global_symbol"):
        return str(value.global_symbol)
    if hasattr(value, "items") and not isinstance(value, type):
        return tuple([(str(key), plain(each)) for key, each in value.items()])
    if hasattr(value, "__iter__"):
        return tuple([plain(each) for each in value])
    return str(value.value) if isinstance(value, relax.DataTypeImm) else str(value)
