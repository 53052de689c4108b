"""Inputs for an artefact that nobody gave: drawn at random, the same for the same seed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from byoc.errors import UsageError, nearest

if TYPE_CHECKING:
    from byoc.manifest import Port

_ZOO = "zoo:"


def sample_inputs(
    model: str,
    ports: Sequence[Port],
    seed: int,
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
) -> tuple[dict[str, Any], str]:
    """An array for each of `ports`, by name, and in words what they are.

    A model of the zoo gets the zoo's inputs, which it tells apart, where they fit; any other gets normally
    distributed numbers, integers of 0 and 1 (indices that every table has), or the whole range of 8 bits. Raises
    UsageError for a symbolic dimension that neither `shapes` (by input) nor `dims` (by name) binds.
    """
    _hold_known(ports, shapes, dims)
    own = _zoo_inputs(model, ports, seed) if not (shapes or dims) else None
    if own is not None:
        return own, f"the zoo's own, seed {seed}"
    bound = {**_implied(ports, shapes), **dims}
    arrays = {
        port.name: _draw(port, _shape(port, shapes.get(port.name), bound), seed) for port in ports
    }
    return arrays, f"random, seed {seed}"


def _hold_known(
    ports: Sequence[Port], shapes: Mapping[str, Sequence[int]], dims: Mapping[str, int]
) -> None:
    inputs = [port.name for port in ports]
    symbolic = sorted({dim for port in ports for dim in port.shape or () if isinstance(dim, str)})
    for name in shapes:
        if name not in inputs:
            raise UsageError(
                f"--shape {name}=...: the artefact has no input {name!r}{nearest(name, inputs)}"
            )
    for name in dims:
        if name not in symbolic:
            known = ", ".join(symbolic) or "none: every shape is bound"
            raise UsageError(
                f"--shape {name}={dims[name]}: the artefact has no symbolic dimension {name!r}"
                f"{nearest(name, symbolic)} (it has {known})"
            )


def _zoo_inputs(model: str, ports: Sequence[Port], seed: int) -> dict[str, Any] | None:
    """The zoo's inputs for `model`; None for no zoo model, or one whose shapes were bound otherwise."""
    if not model.startswith(_ZOO):
        return None
    from byoc.testing import zoo

    try:
        found = zoo.zoo_inputs(model.removeprefix(_ZOO), seed)
    except UsageError:
        return None
    fits = list(found) == [port.name for port in ports] and all(
        _fits(found[port.name].shape, port) for port in ports
    )
    return found if fits else None


def _fits(shape: Sequence[int], port: Port) -> bool:
    if port.shape is None:
        return True
    return len(shape) == len(port.shape) and all(
        not isinstance(dim, int) or dim == extent
        for dim, extent in zip(port.shape, shape, strict=True)
    )


def _implied(ports: Sequence[Port], shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The dimensions that whole shapes bind."""
    from byoc.runtime.extents import bind

    given = [port for port in ports if port.name in shapes]
    return bind(given, [shapes[port.name] for port in given])


def _shape(port: Port, given: Sequence[int] | None, dims: Mapping[str, int]) -> tuple[int, ...]:
    if given is not None:
        return tuple(given)
    from byoc.runtime.extents import sizes

    found = sizes(port, dims)
    if found is None:
        raise UsageError(
            f"input {port.name!r} has no shape of its own; give one with --shape {port.name}=..., or an array with "
            "--input"
        )
    for extent, size in zip(port.shape or (), found, strict=True):
        if size is None:
            raise UsageError(
                f"input {port.name!r} has the symbolic dimension {extent!r}; bind it with --shape {extent}=N, or "
                "give an array with --input"
            )
    return tuple(size for size in found if size is not None)


def _draw(port: Port, shape: tuple[int, ...], seed: int) -> Any:
    import numpy as np

    from byoc.runtime.tensors import numpy_dtype

    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(port.name.encode())]))
    dtype = numpy_dtype(port.dtype)
    if port.dtype in ("int8", "uint8"):
        return np.asarray(generator.integers(0, 256, shape), "uint8").view(dtype)
    if dtype.kind in "iub":
        return np.asarray(generator.integers(0, 2, shape)).astype(dtype)
    draw = generator.standard_normal(math.prod(shape)).reshape(shape)
    return draw.astype(dtype)
