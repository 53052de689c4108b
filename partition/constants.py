"""Constants: take them out of Relax and put them back, so that graphs travel as small text or JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import ir, relax, runtime
from tvm_ffi import structural_map

ALIGNMENT = 64
"""Bytes; what TVM's kernels expect of a tensor's address."""

Stored = tuple[str, tuple[int, ...], npt.NDArray[np.uint8]]


def take_out(
    node: Any, keep: Callable[[Any], bool] = lambda constant: False
) -> tuple[Any, list[Any]]:
    """A copy of `node` (a function or module) whose constants are numbered stand-ins, and the constants.

    A stand-in is the one-element int32 tensor of the constant's number; types stay as they were. The same constant
    has one number. Constants that `keep` wants stay.
    """
    found: dict[int, tuple[Any, Any]] = {}

    def stand_in(constant: Any) -> Any:
        if keep(constant):
            return constant
        if hash(constant) not in found:
            marker = relax.const(np.array([len(found)], "int32"))
            found[hash(constant)] = (constant, marker)
        return found[hash(constant)][1]

    skeleton = structural_map(node, (ir.GenericConst, stand_in))
    return skeleton, [constant for constant, _ in found.values()]


def number(stand_in: Any) -> int:
    """The number of a stand-in that `take_out` made."""
    return int(stand_in.value.numpy()[0])


def put_back(skeleton: Any, constants: Sequence[Any]) -> Any:
    """`skeleton` with every stand-in replaced by its constant: `take_out` (that kept none) undone."""
    return structural_map(skeleton, (ir.GenericConst, lambda each: constants[number(each)]))


def stored(constant: Any) -> Stored:
    """A constant as it is pickled: dtype, shape, and its bytes, which are the constant's own and not a copy."""
    tensor = constant.value
    dtype, shape = str(tensor.dtype), tuple(map(int, tensor.shape))
    size = (int(np.prod(shape, dtype=np.int64)) * tensor.dtype.bits + 7) // 8
    if not size:
        return dtype, shape, np.empty(0, "uint8")
    data: Any = np.from_dlpack(tensor._create_view((size,), "uint8"))
    return dtype, shape, data


def restored(held: Stored) -> relax.Constant:
    """The constant again. It uses the bytes where they lie when they may be written and are aligned."""
    dtype, shape, data = held
    if not data.size:
        return relax.const(runtime.empty(shape, dtype))
    if data.flags.writeable and data.ctypes.data % ALIGNMENT == 0:
        whole = runtime.from_dlpack(data)
    else:
        whole = runtime.tensor(data)
    return relax.const(whole._create_view(shape, dtype))
