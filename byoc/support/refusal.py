"""Refusal: why a vendor does not take an op, a composite or a segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CODES: Final = (
    "unsupported-op",
    "dtype",
    "shape",
    "rank",
    "layout",
    "attribute",
    "constant",
    "dynamic",
    "when",
    "check",
    "pattern",
    "policy",
    "limit",
    "would-cycle",
    "too-small",
    "codegen-failed",
)
"""Every refusal code, in the order of docs/refusals.md."""


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """Why `vendor` does not take something: a code of `CODES`, the rule's own words, and where the rule stands.

    `rule` is `file:line` of the support table or empty when no written rule was involved. `vendor` may be left
    empty by whoever states the refusal; the stage that asked fills it in. `nodes` are the source nodes at fault,
    where a codegen knows them (`byoc_codegen`).
    """

    code: str
    message: str
    rule: str = ""
    vendor: str = ""
    nodes: tuple[str, ...] = ()
