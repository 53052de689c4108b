"""How each Relax op is written in ONNX, one family a file."""

from __future__ import annotations

from collections.abc import Mapping

from byoc.codegen.export._call import Emitter
from byoc.codegen.export.ops import (
    activation,
    attention,
    binary,
    conv,
    create,
    image,
    index,
    layout,
    linear,
    loss,
    norm,
    pool,
    quantize,
    reduce,
    scatter,
    search,
    shape,
    slicing,
    unary,
)

_FAMILIES = (
    activation,
    attention,
    binary,
    conv,
    create,
    image,
    index,
    layout,
    linear,
    loss,
    norm,
    pool,
    quantize,
    reduce,
    scatter,
    search,
    shape,
    slicing,
    unary,
)


def _table() -> dict[str, Emitter]:
    table: dict[str, Emitter] = {}
    for family in _FAMILIES:
        twice = table.keys() & family.EMITTERS.keys()
        assert not twice, f"{family.__name__} writes {sorted(twice)} again"
        table.update(family.EMITTERS)
    return dict(sorted(table.items()))


EMITTERS: Mapping[str, Emitter] = _table()
"""The emitters by Relax op, without `relax.`."""
