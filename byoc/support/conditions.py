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


def values(names: tuple[str, ...], facts: Facts, environment: Mapping[str, Any]) -> list[Any]:
    """What each of `names` stands for, inputs first, then attributes. Raises AbsentError."""
    inputs, attrs = facts.inputs, facts.attrs
    found: list[Any] = []
    for name in names:
        if name in inputs:
            value = inputs[name]
            if value is None:
                raise AbsentError(name)
            found.append(value)
        elif name in attrs:
            found.append(attrs[name])
        elif name in environment:
            found.append(environment[name])
        elif name == "outputs":
            found.append(facts.outputs)
        elif name == "output" and facts.outputs:
            found.append(facts.outputs[0])
        else:
            raise AbsentError(name)
    return found


@dataclass(frozen=True, slots=True)
class WhenTest:
    """`rule` must be true: `holds`, and the condition where there is one. What names something absent holds."""

    author: Author
    holds: Expression
    rule: Expression
    environment: Mapping[str, Any]

    @property
    def words(self) -> str:
        """The rule as the table writes it."""
        return self.rule.text

    def __call__(self, facts: Facts) -> Refusal | None:
        """A refusal when the rule does not hold, or None."""
        try:
            known = values(self.rule.names, facts, self.environment)
            if self.rule.apply(known):
                return None
        except AbsentError:
            return None
        except UnknownError as e:
            return self._refuse("dynamic", f"{e} is not known, and a rule needs it: {self.words}")
        except NotConstantError:
            return self._refuse("constant", f"a rule needs the data of a constant: {self.words}")
        except EvaluationError as e:
            return self._refuse("when", f"{self.words} cannot be evaluated: {e}")
        return self._refuse("when", self._message(dict(zip(self.rule.names, known, strict=True))))

    def _message(self, known: Mapping[str, Any]) -> str:
        sides = self.holds.sides(known)
        if sides is None or not isinstance(sides[1], bool | int | float | str):
            return f"{self.author.vendor} demands {self.words}"
        return f"{self.author.vendor} demands {self.words}; {sides[0]} is {sides[1]}"

    def _refuse(self, code: str, message: str) -> Refusal:
        return self.author.refuse(code, message)
