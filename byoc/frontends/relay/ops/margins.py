"""Margins around a tensor, and blocks of points that become channels or batches."""

from __future__ import annotations

import math
from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation, shape_of

FAMILY = Family("Margins and blocks")


@FAMILY.operator(
    "nn.pad", "`nn.pad`", arguments=(1, 2), pad_width=(), pad_mode="constant", pad_value=0.0
)
def pad(op: Operation) -> Any:
    """Margins of one value, of the edge, or mirrored; the value was an attribute before TVM 0.8."""
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
    if op["pad_mode"] not in modes:
        op.misfit(f"pad_mode {op['pad_mode']!r}")
    value = op["pad_value"]
    if len(op.args) == 2:
        value = op.number(1, "the value of the margin")
    pairs = _pairs(op, "pad_width")
    op.ranked(op.expr(0), len(pairs))
    widths = [each for pair in pairs for each in pair]
    return relax.op.nn.pad(op.expr(0), widths, modes[op["pad_mode"]], float(value))


def _pairs(op: Operation, attribute: str) -> list[tuple[int, int]]:
    """What is put before and behind each axis."""
    return [(before, behind) for before, behind in op[attribute]]


@FAMILY.operator("nn.mirror_pad", "`nn.pad`, or `concat` of `flip`", mode="SYMMETRIC", pad_width=())
def mirror_pad(op: Operation) -> Any:
    """Mirrored margins: with the edge itself (`SYMMETRIC`), or without (`REFLECT`)."""
    pairs = _pairs(op, "pad_width")
    op.ranked(op.expr(), len(pairs))
    if op["mode"] == "REFLECT":
        return relax.op.nn.pad(op.expr(), [each for pair in pairs for each in pair], "reflect")
    if op["mode"] != "SYMMETRIC":
        op.misfit(f"mode {op['mode']!r}")
    data = op.expr()
    for axis, (before, behind) in enumerate(pairs):
        data = _symmetric(op, data, axis, before, behind)
    return data


def _symmetric(op: Operation, data: Any, axis: int, before: int, behind: int) -> Any:
    extent = op.static(data)[axis]
    if not (0 <= before <= extent and 0 <= behind <= extent):
        op.misfit(f"margins of {before} and {behind} of an axis of extent {extent}")
    parts = [data]
    if before:
        parts.insert(0, _mirrored(op, data, axis, 0, before))
    if behind:
        parts.append(_mirrored(op, data, axis, extent - behind, extent))
    return data if len(parts) == 1 else op.bind(relax.op.concat(parts, axis), "mirrored")


def _mirrored(op: Operation, data: Any, axis: int, begin: int, end: int) -> Any:
    edge = op.bind(relax.op.strided_slice(data, [axis], [begin], [end]), "edge")
    return op.bind(relax.op.flip(edge, axis), "mirror")


@FAMILY.operator(
    "nn.space_to_batch_nd",
    "`nn.pad`, `reshape`, `permute_dims`, `reshape`",
    block_shape=(1, 1),
    paddings=(),
    pad_value=0.0,
)
def space_to_batch(op: Operation) -> Any:
    """Points of a block along the axes behind the batch become batches, the block's first."""
    data, blocks, pairs = op.expr(), op["block_shape"], _pairs(op, "paddings")
    rank, count = len(op.dims(data)), len(blocks)
    if len(pairs) != count or count >= rank or min(blocks, default=1) < 1:
        op.misfit(f"blocks {blocks} of a tensor of rank {rank}")
    if any(each for pair in pairs for each in pair):
        widths = [0, 0, *[each for pair in pairs for each in pair], *[0] * 2 * (rank - count - 1)]
        data = op.bind(relax.op.nn.pad(data, widths, "constant", op["pad_value"]), "padded")
    batch, *space = op.static(data)[: count + 1]
    rest = op.static(data)[count + 1 :]
    if any(extent % block for extent, block in zip(space, blocks, strict=True)):
        op.misfit(f"blocks {blocks} of extents {space}")
    inner = [extent // block for extent, block in zip(space, blocks, strict=True)]
    split = [batch, *[each for pair in zip(inner, blocks, strict=True) for each in pair], *rest]
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count + 1, 2)]
    moved = _regrouped(op, data, split, [*order, *range(2 * count + 1, len(split))])
    return relax.op.reshape(moved, shape_of((batch * math.prod(blocks), *inner, *rest)))


@FAMILY.operator(
    "nn.batch_to_space_nd",
    "`reshape`, `permute_dims`, `reshape`, `strided_slice`",
    block_shape=(1, 1),
    crops=(),
)
def batch_to_space(op: Operation) -> Any:
    """Batches become points of a block along the axes behind the batch; `crops` are cut off."""
    data, blocks, crops = op.expr(), op["block_shape"], _pairs(op, "crops")
    batch, *dims = op.static(data) or [0]
    count, whole = len(blocks), math.prod(blocks)
    if len(crops) != count or count > len(dims) or whole < 1 or batch % whole:
        op.misfit(f"blocks {blocks} of {batch} batches")
    split = [*blocks, batch // whole, *dims]
    order = [count, *[each for at in range(count) for each in (count + 1 + at, at)]]
    moved = _regrouped(op, data, split, [*order, *range(2 * count + 1, len(split))])
    space = [extent * block for extent, block in zip(dims, blocks, strict=False)]
    shape = shape_of((batch // whole, *space, *dims[count:]))
    made = relax.op.reshape(moved, shape)
    if not any(each for pair in crops for each in pair):
        return made
    ends = [extent - behind for extent, (_, behind) in zip(space, crops, strict=True)]
    begins = [before for before, _ in crops]
    axes = list(range(1, count + 1))
    return relax.op.strided_slice(op.bind(made, "space"), axes, begins, ends)


def _regrouped(op: Operation, data: Any, split: list[int], order: list[int]) -> Any:
    """The tensor with its axes split, in another order."""
    parts = op.bind(relax.op.reshape(data, shape_of(split)), "split")
    return op.bind(relax.op.permute_dims(parts, order), "moved")


def _blocks(op: Operation) -> tuple[Any, list[int], int]:
    data = op.expr()
    if op["layout"] not in ("NCHW", "NHWC"):
        op.misfit(f"layout {op['layout']!r}")
    op.ranked(data, 4)
    if op["layout"] == "NHWC":
        data = op.bind(relax.op.permute_dims(data, [0, 3, 1, 2]), "nchw")
    block = op["block_size"]
    channels, height, width = op.static(data)[1:]
    divided = (channels,) if op.name == "nn.depth_to_space" else (height, width)
    whole = block * block if op.name == "nn.depth_to_space" else block
    if block < 1 or any(extent % whole for extent in divided):
        op.misfit(f"blocks of {block} of extents {divided}")
    return data, op.static(data), block


def _back(op: Operation, data: Any) -> Any:
    return (
        data
        if op["layout"] == "NCHW"
        else relax.op.permute_dims(op.bind(data, "nchw"), [0, 2, 3, 1])
    )


@FAMILY.operator(
    "nn.depth_to_space",
    "`reshape`, `permute_dims`, `reshape`",
    block_size=1,
    layout="NCHW",
    mode="DCR",
)
def depth_to_space(op: Operation) -> Any:
    """Channels become blocks of points."""
    data, (n, c, h, w), b = _blocks(op)
    inner = c // (b * b)
    if op["mode"] not in ("DCR", "CDR"):
        op.misfit(f"mode {op['mode']!r}")
    first = op["mode"] == "DCR"
    shape = (n, b, b, inner, h, w) if first else (n, inner, b, b, h, w)
    order = [0, 3, 4, 1, 5, 2] if first else [0, 1, 4, 2, 5, 3]
    split = op.bind(relax.op.reshape(data, shape_of(shape)), "split")
    moved = op.bind(relax.op.permute_dims(split, order), "moved")
    return _back(op, relax.op.reshape(moved, shape_of((n, inner, h * b, w * b))))


@FAMILY.operator(
    "nn.space_to_depth",
    "`reshape`, `permute_dims`, `reshape`",
    block_size=1,
    layout="NCHW",
    mode="DCR",
)
def space_to_depth(op: Operation) -> Any:
    """Blocks of points become channels."""
    data, (n, c, h, w), b = _blocks(op)
    split = op.bind(relax.op.reshape(data, shape_of((n, c, h // b, b, w // b, b))), "split")
    moved = op.bind(relax.op.permute_dims(split, [0, 3, 5, 1, 2, 4]), "moved")
    return _back(op, relax.op.reshape(moved, shape_of((n, c * b * b, h // b, w // b))))
