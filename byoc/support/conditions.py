"""Conditions: `when` rules, and the names that an expression may read from the facts of an op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from byoc.support.constraints import Author
from byoc.support.expressions import Expression
from byoc.support.facts import Facts
from byoc.support.operations import EvaluationError, NotConstantError, UnknownError
from byoc.support.refusal import Refusal

ENVIRONMENT: Final = ("hw", "options", "toolchain")
"""Names that are fixed when a table is bound."""

RESULTS: Final = ("output", "outputs")


class AbsentError(Exception):
    """A name that the op does not have here: an optional input that is not given, an attribute of an absent op."""


def values(names: tuple[str, ...], facts: Facts, environment: Mapping[str, Any]) -> dict[str, Any]:
    """What `names` stand for, inputs first, then attributes. Raises AbsentError."""
    inputs, attrs = facts.inputs, facts.attrs
    found: dict[str, Any] = {}
    for name in names:
        if name in inputs:
            value = inputs[name]
            if value is None:
                raise AbsentError(name)
            found[name] = value
        elif name in attrs:
            found[name] = attrs[name]
        elif name in environment:
            found[name] = environment[name]
        elif name == "outputs":
            found[name] = facts.outputs
        elif name == "output" and facts.outputs:
            found[name] = facts.outputs[0]
        else:
            raise AbsentError(name)
    return found


@dataclass(frozen=True, slots=True)
class WhenTest:
    """`holds` must be true where `condition` is; a rule that names something absent holds."""

    author: Author
    condition: Expression | None
    holds: Expression
    names: tuple[str, ...]
    environment: Mapping[str, Any]

    @property
    def words(self) -> str:
        """The rule as the table writes it."""
        return f"{self.holds.text}, if {self.condition.text}" if self.condition else self.holds.text

    def __call__(self, facts: Facts) -> Refusal | None:
        """A refusal when the rule does not hold, or None."""
        try:
            known = values(self.names, facts, self.environment)
            if self.condition is not None and not self.condition.evaluate(known):
                return None
            if self.holds.evaluate(known):
                return None
        except AbsentError:
            return None
        except UnknownError as e:
            return self._refuse("dynamic", f"{e} is not known, and a rule needs it: {self.words}")
        except NotConstantError:
            return self._refuse("constant", f"a rule needs the data of a constant: {self.words}")
        except EvaluationError as e:
            return self._refuse("when", f"{self.words} cannot be evaluated: {e}")
        return self._refuse("when", self._message(known))

    def _message(self, known: Mapping[str, Any]) -> str:
        sides = self.holds.sides(known)
        if sides is None or not isinstance(sides[1], bool | int | float | str):
            return f"{self.author.vendor} demands {self.words}"
        return f"{self.author.vendor} demands {self.words}; {sides[0]} is {sides[1]}"

    def _refuse(self, code: str, message: str) -> Refusal:
        return self.author.refuse(code, message)
