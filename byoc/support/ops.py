"""What ops exist and what their inputs and attributes are called, known without importing TVM or onnx."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class OpInfo:
    """The names that rules and patterns may use of one op.

    `inputs` hold tensors (or tuples of tensors, when in `tuples`), in order. `attrs` are the attributes and the
    operands that hold no tensor. `arguments` are all operands in order, tensors or not: `x shape` of `reshape`.
    """

    name: str
    inputs: tuple[str, ...]
    attrs: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    tuples: frozenset[str] = frozenset()


@cache
def known_ops() -> Mapping[str, OpInfo]:
    """Every Relax op by its name without `relax.`, and every ONNX operator as `onnx.LSTM` or `domain.Op`.

    The names are those of TVM 0.27 (`tvm.ir.Op`, with the operands its registry leaves out) and of the `onnx`
    package (all versions of a schema that opset 7 or a later one uses), read from `ops.json`.
    """
    text = Path(__file__).with_name("ops.json").read_text(encoding="utf-8")
    return MappingProxyType({name: _info(name, entry) for name, entry in json.loads(text).items()})


def is_foreign(name: str) -> bool:
    """Whether `name` is an ONNX operator of a domain byoc has no schemas of (`com.acme.Fused`).

    Nothing is known of its inputs and attributes, so rules about it may name what they like.
    """
    domain, _, operator = name.rpartition(".")
    return bool(domain) and domain != "onnx" and operator[:1].isupper() and name not in known_ops()


def _info(name: str, entry: Mapping[str, list[str]]) -> OpInfo:
    inputs = tuple(entry.get("inputs", ()))
    return OpInfo(
        name,
        inputs,
        tuple(entry.get("attrs", ())),
        tuple(entry.get("arguments", inputs)),
        frozenset(entry.get("tuples", ())),
    )
