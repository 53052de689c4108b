"""Verdicts: what a vendor's checks answered, held to the contract of the hooks.

An answer that is none refuses what was asked about and says what was expected: it neither ends the run nor counts
as consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from byoc.cost import CostRecord
from byoc.errors import PluginError, nearest
from byoc.support.refusal import CODES, Refusal

MOST_SHOWN: Final = 80
"""How many characters of a wrong answer a message quotes."""


def region_verdicts(who: str, given: Any, count: int) -> list[Refusal | None]:
    """The answers of one `byoc_check` about `count` regions; `who` names the hook and its owner.

    Anything but a sequence of one Refusal or None a region refuses the regions concerned.
    """
    expected = "expected a list of one byoc.Refusal or None for each region"
    if isinstance(given, str) or not isinstance(given, Sequence):
        return [_wrong(f"{who} answered {shown(given)}; {expected}")] * count
    if len(given) != count:
        return [
            _wrong(f"{who} gave {len(given)} answers about {count} regions; {expected}")
        ] * count
    return [
        None if each is None else _refusal(who, each, "a byoc.Refusal or None") for each in given
    ]


def region_costs(who: str, given: Any, count: int) -> list[CostRecord | None]:
    """The answers of one `byoc_estimate` about `count` regions. Raises PluginError for anything else."""
    is_list = isinstance(given, Sequence) and not isinstance(given, str)
    if is_list and len(given) == count:
        wrong = [each for each in given if not (each is None or isinstance(each, CostRecord))]
        if not wrong:
            return list(given)
        given = wrong[0]
    raise PluginError(
        f"{who} answered {shown(given)}; expected a list of one byoc.CostRecord or None for each of {count} regions"
    )


def row_verdict(who: str, given: Any) -> Refusal | None:
    """The answer of one pattern row's predicate: None and true accept, false and a Refusal refuse."""
    if given is None or _truth(given) is True:
        return None
    if _truth(given) is False:
        return _wrong(f"{who} refuses it")
    return _refusal(who, given, "true, false or a byoc.Refusal")


def shown(value: object) -> str:
    """`value` as a message quotes it: short, on one line."""
    text = " ".join(repr(value).split())
    short = text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."
    return f"{short} of type {type(value).__name__}"


def _refusal(who: str, given: Any, expected: str) -> Refusal:
    if not isinstance(given, Refusal):
        return _wrong(f"{who} answered {shown(given)}; expected {expected}")
    if given.code not in CODES:
        near = nearest(str(given.code), CODES)
        return _wrong(
            f"{who} refused with the code {given.code!r}, which is none{near} "
            f"(a vendor's own is 'check'): {given.message}"
        )
    return given


def _truth(given: Any) -> bool | None:
    """`given` as a bool, numpy's included; None when it is none."""
    return bool(given) if type(given).__name__ in ("bool", "bool_") else None


def _wrong(words: str) -> Refusal:
    return Refusal("check", words)
