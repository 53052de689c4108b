"""Extents: symbolic dimensions of ports, bound by the tensors that are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from byoc.manifest import Extent, Port


def bind(ports: Sequence[Port], shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """The dimensions that the ports' own names (`batch`) get from `shapes`, the first one's where two differ."""
    dims: dict[str, int] = {}
    for port, shape in zip(ports, shapes, strict=True):
        for extent, size in zip(port.shape or (), shape, strict=False):
            if isinstance(extent, str) and extent.isidentifier():
                dims.setdefault(extent, int(size))
    return dims


def extent_size(extent: Extent, dims: Mapping[str, int]) -> int | None:
    """The size of a dimension, None when `dims` do not tell: `n * 2 + 1` is 7 where n is 3."""
    if extent is None or isinstance(extent, int):
        return extent
    if extent in dims:
        return dims[extent]
    return None if extent.isidentifier() else _computed(extent, tuple(sorted(dims.items())))


def sizes(port: Port, dims: Mapping[str, int]) -> tuple[int | None, ...] | None:
    """The shape of `port` as far as `dims` tell; None when not even the rank is known."""
    if port.shape is None:
        return None
    return tuple(extent_size(each, dims) for each in port.shape)


@lru_cache(maxsize=4096)
def _computed(expression: str, dims: tuple[tuple[str, int], ...]) -> int | None:
    import simpleeval  # type: ignore[import-untyped]  # ships no types

    functions = {"max": max, "min": min, "int64": int}
    # TVM writes `T.max(n, T.int64(1))`.
    text = expression.replace("T.", "")
    try:
        return int(simpleeval.simple_eval(text, functions=functions, names=dict(dims)))
    except Exception:  # a name that nobody bound, or a form that only TVM knows: not known
        return None
