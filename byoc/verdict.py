"""Verdict: whether a blob may run on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal["optimal", "usable", "incompatible", "corrupt"]

CODES: tuple[Code, ...] = ("optimal", "usable", "incompatible", "corrupt")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One of four, from best to worst; `words` say why (empty for optimal).

    `optimal`: made for this device and toolchain. `usable`: runs, but compiling again would serve better.
    `incompatible` and `corrupt` blobs never reach a driver.
    """

    code: Code
    words: str = ""

    @property
    def loads(self) -> bool:
        """Whether a driver may see the blob."""
        return self.code in ("optimal", "usable")


def toolchain_verdict(made_with: str, installed: str) -> Verdict:
    """What byoc says where a vendor does not: the same toolchain version is optimal, another one is usable."""
    if made_with == installed:
        return Verdict("optimal")
    here = f"here is {installed}" if installed else "there is none here"
    return Verdict("usable", f"made with toolchain {made_with or 'of no version'}, {here}")
