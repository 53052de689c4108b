"""Results: what an executor of convention "returns" gave back, held against the segment's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byoc.errors import DriverError
from byoc.manifest import Port
from byoc.runtime.extents import bind, sizes
from byoc.runtime.tensors import to_tensor


@dataclass(frozen=True, slots=True)
class Results:
    """The ports of a segment whose executor returns its outputs."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def tensors(self, given: Sequence[Any], returned: Any) -> Any:
        """The results of one call as TVM takes them: a tensor, or a list of several.

        `given` are the call's input tensors. Raises DriverError for a wrong count, type, dtype or shape.
        """
        values = returned
        if len(self.outputs) == 1 and not isinstance(returned, tuple | list):
            values = (returned,)
        if not isinstance(values, tuple | list):
            raise DriverError(
                f"its executor returned {type(returned).__name__}, expected {len(self.outputs)} arrays in a list"
            )
        if len(values) != len(self.outputs):
            raise DriverError(
                f"its executor returned {len(values)} results, expected {len(self.outputs)}"
            )
        tensors = [_tensor(port, each) for port, each in zip(self.outputs, values, strict=True)]
        self._hold_shapes(given, tensors)
        return tensors[0] if len(tensors) == 1 else tensors

    def _hold_shapes(self, given: Sequence[Any], tensors: Sequence[Any]) -> None:
        dims = bind(self.inputs, [tuple(each.shape) for each in given])
        for port, tensor in zip(self.outputs, tensors, strict=True):
            wanted, shape = sizes(port, dims), tuple(tensor.shape)
            if wanted is None:
                continue
            if len(wanted) != len(shape) or any(
                size not in (None, found) for size, found in zip(wanted, shape, strict=True)
            ):
                expected = ", ".join("?" if each is None else str(each) for each in wanted)
                raise DriverError(
                    f"its executor returned {port.name!r} with the shape {list(shape)}, expected [{expected}]"
                )


def _tensor(port: Port, value: Any) -> Any:
    import tvm_ffi

    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if not (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative):
            array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)
        _hold_dtype(port, array.dtype.name)
        return to_tensor(array)
    try:
        tensor = value if isinstance(value, tvm_ffi.Tensor) else tvm_ffi.from_dlpack(value)
    except Exception as error:
        raise DriverError(
            f"its executor returned {type(value).__name__} for {port.name!r}, expected an array that supports "
            f"DLPack: {error}"
        ) from error
    _hold_dtype(port, str(tensor.dtype))
    if tensor.device.type != "cpu" or not tensor.is_contiguous():
        raise DriverError(
            f"its executor returned {port.name!r} as a tensor on {tensor.device} that may be strided, expected a "
            "contiguous one in the CPU's memory"
        )
    return tensor


def _hold_dtype(port: Port, dtype: str) -> None:
    if dtype != port.dtype:
        raise DriverError(f"its executor returned {port.name!r} as {dtype}, expected {port.dtype}")
