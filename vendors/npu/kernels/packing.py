"""Packing: the second operand and the epilogue's vectors as the units read them, in the constant pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from byoc.vendors.npu.kernels.cut import Segment
from byoc.vendors.npu.layers import Epilogue

if TYPE_CHECKING:
    from byoc.vendors.npu.kernels.product import Weights


def packed(
    weights: Weights,
    segments: Sequence[Segment],
    depths: range,
    columns: int,
    folded: bool,
) -> bytes:
    """The blocks of a tile of output channels, one segment after the other, for the input channels `depths`.

    A block is what isa.Mm reads of `columns` output channels: a row for each k. k counts kernel rows, columns and
    channels, the last fastest; `folded`, columns before rows.
    """
    import numpy as np

    parts = []
    for group, start, count in segments:
        part = weights.group(group)[start : start + count, depths.start : depths.stop]
        rows = part.transpose((3, 2, 1, 0) if folded else (2, 3, 1, 0)).reshape(-1, count)
        blocks = -(-count // columns)
        wide = np.zeros((rows.shape[0], blocks * columns), rows.dtype)
        wide[:, :count] = rows
        order = wide.reshape(-1, blocks, columns).transpose(1, 0, 2)
        parts.append(np.ascontiguousarray(order).tobytes())
    return b"".join(parts)


def vectors(epilogue: Epilogue, channels: range) -> bytes:
    """`mult` and `bias` of these output channels, one after the other, as far as there are any."""
    given = [each for each in (epilogue.mult, epilogue.bias) if each is not None]
    return b"".join(each[channels.start : channels.stop].astype("<f4").tobytes() for each in given)
