"""`qnn.avg_pool2d`: means of integers, divided towards zero as `nn.avg_pool2d` divides them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from byoc.frontends.relay.operation import Convert, Operation
from byoc.frontends.relay.ops.integer.pairs import rescaled
from byoc.frontends.relay.ops.integer.tensors import dtype_of, saturated
from byoc.frontends.relay.ops.pools import FAMILY as POOLS

_PLAIN = POOLS.rows["nn.avg_pool2d"]


def _hold_windows(op: Operation, data: Any, made: Any) -> None:
    """Raise Misfit where Relay has a window that begins behind the image; Relax has none there."""
    have, found = op.static(data), op.static(made)
    padding = [int(each) for each in op["padding"]]
    if not len(op["pool_size"]) == len(op["strides"]) == len(op["dilation"]) == 2:
        op.misfit("its windows are not of two axes")
    for index, letter in enumerate("HW"):
        # Relay's padding is one number, one an axis, or all before and then all behind.
        before = padding[index % len(padding)]
        behind = padding[2 + index] if len(padding) == 4 else before
        reach = (op["pool_size"][index] - 1) * op["dilation"][index] + 1
        axis = op["layout"].index(letter)
        steps = -(-(have[axis] + before + behind - reach) // op["strides"][index])
        if steps + 1 != found[(op["out_layout"] or op["layout"]).index(letter)]:
            op.misfit("a window of its ceil_mode begins behind the image, where Relax has none")


def avg_pool2d(op: Operation) -> Any:
    """Means of windows in the scale of the result; what pads them is 0, not the zero point."""
    args = op.args
    data = rescaled(op, op.expr(0), (args[1], args[2]), (args[3], args[4]), -1)
    attrs = {name: op[name] for name in _PLAIN.defaults}
    made = _PLAIN.convert(replace(op, name=_PLAIN.name, args=(data,), attrs=attrs))
    pool = op.bind(made, "pool")
    if op["ceil_mode"]:
        _hold_windows(op, data, pool)
    return saturated(op, pool, dtype_of(op, args[0]))


CONVERSIONS: dict[str, Convert] = {"qnn.avg_pool2d": avg_pool2d}
