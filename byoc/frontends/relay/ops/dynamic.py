"""Operators that read as operands what others have as attributes (`dyn.*`), where those are constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from byoc.frontends.relay.operation import Convert, Family, Operation, Row
from byoc.frontends.relay.ops import margins, moves, reductions, resizes
from byoc.frontends.relay.values import Value

FAMILY = Family("Shapes as operands")

_ROWS: Mapping[str, Row] = {
    **margins.FAMILY.rows,
    **moves.FAMILY.rows,
    **reductions.FAMILY.rows,
    **resizes.FAMILY.rows,
}
_WHOLE = frozenset(["axis", "depth", "k"])
_NUMBERS = _WHOLE | {"pad_value", "scale_h", "scale_w"}
_OPERANDS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "broadcast_to": (1, ("shape",)),
    "expand_dims": (1, ("axis",)),
    "full": (1, ("shape",)),
    "image.resize2d": (1, ("size", "roi")),
    "nn.pad": (1, ("pad_width", "pad_value")),
    "nn.upsampling": (1, ("scale_h", "scale_w")),
    "one_hot": (3, ("depth",)),
    "ones": (0, ("shape",)),
    "reshape": (1, ("newshape",)),
    "squeeze": (1, ("axis",)),
    "strided_slice": (1, ("begin", "end", "strides")),
    "tile": (1, ("reps",)),
    "topk": (1, ("k",)),
    "zeros": (0, ("shape",)),
}
"""An operator, how many tensors it reads, and which of its attributes are the operands behind them."""


def _converted(row: Row, tensors: int, names: tuple[str, ...]) -> Convert:
    def convert(op: Operation) -> Value:
        attrs = {**row.defaults, **op.attrs}
        for index, name in enumerate(names, tensors):
            attrs[name] = _value(op, row.name, index, name)
        return row.convert(replace(op, name=row.name, args=op.args[:tensors], attrs=attrs))

    return convert


def _value(op: Operation, operator: str, index: int, name: str) -> Any:
    """An operand as the attribute that it stands for."""
    if name in _NUMBERS and operator != "squeeze":
        number = op.number(index, f"its {name}").item()
        if name in _WHOLE and not isinstance(number, int):
            op.misfit(f"its {name} is {number}, which is no integer")
        return number
    array = op.array(index, f"its {name}")
    if name == "pad_width":
        if array.ndim != 2 or array.shape[1] != 2:
            op.misfit(f"its pad_width has the shape {array.shape}")
        return tuple((int(before), int(behind)) for before, behind in array)
    if name == "roi":
        return tuple(float(each) for each in array.reshape(-1))
    return tuple(op.integers(index, f"its {name}"))


def _register() -> None:
    for name, (tensors, names) in _OPERANDS.items():
        row = _ROWS[name]
        defaults = {key: value for key, value in row.defaults.items() if key not in names}
        FAMILY.operator(f"dyn.{name}", row.form, arguments=tensors + len(names), **defaults)(
            _converted(row, tensors, names)
        )


_register()
