"""Aliases: where the elements of a reshaped, transposed or sliced tensor stand, seen from either side."""

from __future__ import annotations

from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.places import View


def seen(alias: ly.Alias, source: View) -> View | None:
    """The result as a view of `source`, where x stands; None where only a copy would do."""
    if alias.kind == "transpose":
        return source.permute(alias.axes)
    if alias.kind == "slice":
        return source.slice(alias.starts, alias.out.shape)
    return source.reshape(alias.out.shape)


def origin(alias: ly.Alias, target: View) -> View | None:
    """Where x has to stand so that the result is at `target`; None where no place does that."""
    if alias.kind == "transpose":
        return target.permute(inverse(alias.axes))
    if alias.kind == "slice":
        return target if alias.x.shape == alias.out.shape else None
    return target.reshape(alias.x.shape)


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    return tuple(axes.index(axis) for axis in range(len(axes)))
