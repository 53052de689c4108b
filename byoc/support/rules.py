"""Support tables as data and as predicates: a table, bound to a chip, tests the facts of ops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from byoc.support.facts import Facts
from byoc.support.refusal import Refusal

if TYPE_CHECKING:
    from byoc.support.constraints import Constraint
    from byoc.support.located import Located

Use = Literal["alone", "joined", "fused"]


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """What the hardware demands of a whole segment; None is no limit. Bytes where the name says so."""

    max_segments: int | None = None
    max_ops: int | None = None
    max_constant_bytes: int | None = None
    alignment: int | None = None


@dataclass(frozen=True, slots=True)
class BoundRow:
    """One row of `ops`, bound to a chip. `rule` is `support.yaml:12`.

    `constraints` are in the order in which `test` holds them.
    """

    op: str
    rule: str
    use: Use
    qdq: bool
    constraints: tuple[Constraint, ...]
    description: str = ""
    _tests: tuple[Callable[[Facts], Refusal | None], ...] = field(
        init=False, repr=False, default=()
    )
    _fused: tuple[Callable[[Facts], Refusal | None], ...] = field(
        init=False, repr=False, default=()
    )

    def __post_init__(self) -> None:
        tests = tuple(each.holds for each in self.constraints)
        inside = tuple(each.holds for each in self.constraints if each.kind != "dtype")
        object.__setattr__(self, "_tests", tests)
        object.__setattr__(self, "_fused", inside)

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        """Hold `facts` to the row: the first refusal, or None. `fused`: inside a pattern, dtypes are not held."""
        for test in self._fused if fused else self._tests:
            refusal = test(facts)
            if refusal is not None:
                return refusal
        return None


@dataclass(frozen=True, slots=True)
class BoundPattern(BoundRow):
    """One row of `patterns`, bound to a chip. `text` starts at `line` and `column` of `file`."""

    name: str = ""
    text: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A support table with one chip's figures in its expressions. `ops` keeps the table's order."""

    vendor: str
    description: str
    ops: Mapping[str, tuple[BoundRow, ...]]
    patterns: tuple[BoundPattern, ...]
    limits: SegmentLimits
    hardware: Mapping[str, Any]
    digest: str

    @property
    def rows(self) -> Iterator[BoundRow]:
        """Every row of `ops`, in table order."""
        for rows in self.ops.values():
            yield from rows


@dataclass(frozen=True, slots=True)
class SupportTable:
    """A support table as written, `extends` merged in and validated.

    `digest` is the SHA-256 of the merged table as canonical JSON; comments and layout do not change it.
    """

    vendor: str
    description: str
    file: str
    source: Located
    digest: str

    def bind(
        self,
        hardware: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        toolchain: str = "",
    ) -> BoundTable:
        """Evaluate the table for one chip: `hardware` overrides the table's defaults.

        Raises TableError when an expression cannot be evaluated with these figures.
        """
        from byoc.support.binding import Binder

        return Binder(self, hardware or {}, options or {}, toolchain).table()
