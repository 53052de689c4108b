"""Calls in a pattern held to what is known of their ops: the number of operands, the names of attributes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from byoc.errors import nearest
from byoc.support.ops import OpInfo, known_ops

OPTIONAL: Final = frozenset({"nn.nll_loss", "grad.nll_loss_backward"})
"""Relax ops that can be called without their last tensor."""


def arity_mistake(op: str, count: int, *, rest: bool) -> str:
    """What is wrong with `count` operands for `op`, "" for nothing; ONNX's operators may be variadic.

    Operands that hold no tensor may be left out at the end, tensors only by `...` (`rest`).
    """
    info = known_ops().get(op)
    if info is None or is_onnx(op) or not info.arguments:
        return ""
    has = len(info.arguments)
    takes = f"{op} takes {has} operand{'s' if has > 1 else ''} ({', '.join(info.arguments)})"
    if count > has:
        return f"{takes}, {count} are given"
    missing = [name for name in info.arguments[count:] if name in info.inputs]
    if missing and not rest and op not in OPTIONAL:
        are = "is" if count == 1 else "are"
        return f"{takes}, {count} {are} given; write {', '.join(missing)} too, or end with '...'"
    return ""


def attribute_mistake(ops: Iterable[str], name: str) -> str:
    """What is wrong with demanding the attribute `name` of a call of any of `ops`, "" for nothing."""
    for op in ops:
        info: OpInfo | None = known_ops().get(op)
        if info is not None and name not in info.attrs:
            has = ", ".join(info.attrs) or "none"
            return f"{op} has no attribute {name!r} (it has {has}){nearest(name, info.attrs)}"
    return ""


def is_onnx(op: str) -> bool:
    """Whether `op` names an ONNX operator (`onnx.LSTM`, `com.acme.Fused`), by its capital letter."""
    return op.rpartition(".")[2][:1].isupper()
