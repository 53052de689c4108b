"""Inputs: what a run is given, held against the ports and made into TVM's tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from byoc.errors import InputError, nearest
from byoc.manifest import Port
from byoc.runtime.extents import bind, sizes
from byoc.runtime.tensors import compact, dtype_name, to_tensor

if TYPE_CHECKING:
    from byoc.runtime.tensors import Array

Given = Mapping[str, Any] | Sequence[Any]
"""Arrays by name, or in the order of the ports: numpy's, or anything that supports DLPack."""


@dataclass(slots=True)
class Accepted:
    """Inputs that fit: `tensors` in the order of the ports, `dims` the symbolic dimensions that they bind.

    `copies` counts those that had to be copied (strided, in foreign byte order, at an odd address), `copied_bytes`
    their size.
    """

    tensors: list[Any]
    dims: dict[str, int]
    copies: int = 0
    copied_bytes: int = 0

    @property
    def bytes(self) -> int:
        """The size of all inputs."""
        return sum(_size(each) for each in self.tensors)


def accept(who: str, ports: Sequence[Port], given: Given) -> Accepted:
    """Hold `given` against `ports`; `who` names the artefact or segment.

    Raises InputError naming the input, what it has and what was expected: count, names, dtype, rank, every
    dimension, symbolic ones consistent among all inputs. Nothing is cast.
    """
    arrays = _in_order(who, ports, given)
    accepted = Accepted([], {})
    for port, each in zip(ports, arrays, strict=True):
        accepted.tensors.append(_tensor(f"{who}: input {port.name!r}", port, each, accepted))
    shapes = [tuple(each.shape) for each in accepted.tensors]
    accepted.dims = bind(ports, shapes)
    for port, shape in zip(ports, shapes, strict=True):
        if shape != port.shape:
            _hold_shape(f"{who}: input {port.name!r}", port, shape, accepted.dims)
    return accepted


def named(who: str, ports: Sequence[Port], given: Given) -> dict[str, Any]:
    """`given` by the names of the ports. Raises InputError as `accept` does for their count and names."""
    arrays = _in_order(who, ports, given)
    return {port.name: each for port, each in zip(ports, arrays, strict=True)}


def _in_order(who: str, ports: Sequence[Port], given: Given) -> Sequence[Any]:
    names = [port.name for port in ports]
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise InputError(
                    f"{who} has no input {name!r}{nearest(str(name), names)} (its inputs: {_listed(names)})"
                )
        missing = [name for name in names if name not in given]
        if missing:
            raise InputError(
                f"{who}: input {missing[0]!r} is missing; give all of {_listed(names)}"
            )
        return [given[name] for name in names]
    if isinstance(given, str | bytes | np.ndarray) or not isinstance(given, Sequence):
        raise InputError(
            f"{who}: the inputs are of type {type(given).__name__}; expected a mapping of names to arrays, or a "
            f"sequence of {len(ports)} arrays"
        )
    if len(given) != len(ports):
        raise InputError(
            f"{who} was given {len(given)} inputs, expected {len(ports)}: {_listed(names)}"
        )
    return given


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _tensor(who: str, port: Port, given: Any, accepted: Accepted) -> Any:
    if isinstance(given, np.ndarray | np.generic):
        if isinstance(given, np.ma.MaskedArray):
            raise InputError(f"{who} is a masked array; fill its masked values first")
        return _from_numpy(who, port, np.asarray(given), accepted)
    if not hasattr(given, "__dlpack__"):
        raise InputError(
            f"{who} is of type {type(given).__name__}; expected a numpy array or one that supports DLPack, such as "
            f'np.asarray(x, "{port.dtype}")'
        )
    return _from_dlpack(who, port, given, accepted)


def _from_numpy(who: str, port: Port, array: Array, accepted: Accepted) -> Any:
    _hold_dtype(who, port, dtype_name(array.dtype))
    flags, dtype = array.flags, array.dtype
    if not (flags.c_contiguous and flags.aligned and dtype.isnative):
        # ascontiguousarray would give a scalar a dimension.
        array = np.array(array, dtype=dtype.newbyteorder("="), order="C", copy=True, subok=False)
        accepted.copies += 1
        accepted.copied_bytes += array.nbytes
    return to_tensor(array)


def _from_dlpack(who: str, port: Port, given: Any, accepted: Accepted) -> Any:
    import tvm_ffi

    try:
        tensor = tvm_ffi.from_dlpack(given)
    except Exception as error:
        # Read-only arrays are told of in the newer form of the protocol alone.
        try:
            tensor = tvm_ffi.from_dlpack(given.__dlpack__(max_version=(1, 0)))
        except Exception:
            raise InputError(
                f"{who}: its type, {type(given).__name__}, gives no tensor by DLPack: {error}"
            ) from error
    if tensor.device.type != "cpu":
        raise InputError(f"{who} is on {tensor.device}; expected a tensor in the CPU's memory")
    _hold_dtype(who, port, str(tensor.dtype))
    if tensor.is_contiguous():
        return compact(tensor)
    try:
        strided = np.from_dlpack(given)
    except Exception as error:
        raise InputError(f"{who} is not contiguous; give a contiguous tensor") from error
    return _from_numpy(who, port, strided, accepted)


def _hold_dtype(who: str, port: Port, dtype: str) -> None:
    if dtype != port.dtype:
        raise InputError(
            f"{who} is {dtype}, expected {port.dtype}; nothing is cast silently, write x.astype({port.dtype!r})"
        )


def _hold_shape(who: str, port: Port, shape: tuple[int, ...], dims: Mapping[str, int]) -> None:
    wanted = sizes(port, dims)
    if wanted is None:
        return
    assert port.shape is not None
    expected = ", ".join("?" if each is None else str(each) for each in port.shape)
    if len(shape) != len(wanted):
        raise InputError(
            f"{who} has {len(shape)} dimensions {list(shape)}, expected {len(wanted)}: [{expected}]"
        )
    for axis, (size, fixed) in enumerate(zip(shape, wanted, strict=True)):
        if fixed is not None and size != fixed:
            extent = port.shape[axis]
            why = f", which is {extent} with {_bound(dims)}" if isinstance(extent, str) else ""
            raise InputError(
                f"{who} has the shape {list(shape)}, expected [{expected}]: dimension {axis} is {size}, not "
                f"{fixed}{why}"
            )


def _bound(dims: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in dims.items())


def _size(tensor: Any) -> int:
    count = tensor.dtype.itemsize
    for extent in tensor.shape:
        count *= extent
    return int(count)
