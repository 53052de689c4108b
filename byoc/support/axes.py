"""Axes: negative values of `axis` and `axes` in a table count from the end, as they do in models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from byoc.support.facts import Attribute, Facts, Tensor
from byoc.support.refusal import Refusal
from byoc.support.schema import AttributeRule

if TYPE_CHECKING:
    from byoc.support.constraints import AttributeTest

AXES: Final = frozenset({"axis", "axes"})
"""Attributes whose negative values count from the end."""

WIDER: Final = frozenset({"expand_dims", "stack", "one_hot"})
"""Ops whose axes count in the output's rank, all others' in the first tensor's."""


@dataclass(frozen=True, slots=True)
class AxisTest:
    """`plain` with the negative axes of its rule counted from the front; facts have theirs so already.

    `accepts` gives the predicate of the rule for a rank. With an unknown rank axes are compared as written.
    """

    plain: AttributeTest
    accepts: Callable[[int], Callable[[Attribute], bool]]

    def __call__(self, facts: Facts) -> Refusal | None:
        """The refusal, or None."""
        rank = _rank(facts)
        held = self.plain if rank is None else replace(self.plain, accepts=self.accepts(rank))
        return held(facts)


def from_front(written: Any, rank: int) -> Any:
    """`written`, an attribute's value or rule, with every negative axis counted from the front of `rank`."""
    if isinstance(written, AttributeRule):
        parts = {key: getattr(written, key) for key in ("min", "max", "any", "each")}
        return written.model_copy(update={key: from_front(parts[key], rank) for key in parts})
    if isinstance(written, list):
        return [from_front(each, rank) for each in written]
    is_back = isinstance(written, int) and not isinstance(written, bool) and written < 0
    return written + rank if is_back else written


def _rank(facts: Facts) -> int | None:
    if facts.op in WIDER:
        shape = facts.outputs[0].shape if facts.outputs else None
        return None if shape is None else len(shape)
    for value in facts.inputs.values():
        for each in (value,) if isinstance(value, Tensor) else value or ():
            return None if each.shape is None else len(each.shape)
    return None
