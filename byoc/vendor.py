"""Vendor: gather what the stages need of one vendor from its plugin, its support table and its checks.

`byoc_check` and the predicates of pattern rows are vendor code: they run in a worker process (`byoc.isolation`),
started when there is something to ask and not at all for a vendor whose table says everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Any

import pluggy

from byoc.cost import CostRecord
from byoc.errors import ByocError, PatternError, PluginError
from byoc.isolation import Failure, Worker
from byoc.partition.graph import Graph
from byoc.partition.patterns.ast import Row, TvmCheck
from byoc.partition.plan import Candidate
from byoc.partition.vendor import Limits, Vendor
from byoc.plugins import Plugins
from byoc.region import Region, region
from byoc.spec import VendorSpec, option_values, public_values
from byoc.support.refusal import Refusal
from byoc.verdicts import region_costs, region_verdicts, row_verdict, shown


@dataclass(frozen=True, slots=True)
class Question:
    """What the worker is asked of a region: `byoc_check`, the predicate of the pattern row `row`, or its cost."""

    region: Region
    row: int | None = None
    costs: bool = False


@dataclass(slots=True)
class VendorSession:
    """One vendor during one partition: its spec, typed options, rows, and the worker that runs its checks.

    `notes` says what the report should: plugins that could not be asked. Use as a context manager: the worker
    ends with it.
    """

    plugins: Plugins
    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    notes: list[str] = field(default_factory=list)
    speakers: set[str] = field(init=False)
    spec: VendorSpec = field(init=False)
    values: dict[str, Any] = field(init=False)
    vendor: Vendor = field(init=False)
    _worker: Worker[Question] = field(init=False)

    def __post_init__(self) -> None:
        self.speakers = {self.name}
        self.spec = self.plugins.spec(self.name, self.options)
        self.values = option_values(self.spec, self.options)
        self._worker = Worker(partial(answer, self.name, dict(self.options)), timeout=self.timeout)
        bound = self.spec.bind(self.values)
        rows = self._rows()
        limits = Limits()
        if bound is not None:
            given = bound.limits
            limits = Limits(given.max_ops, given.max_constant_bytes, given.max_segments)
        self.vendor = Vendor(
            name=self.name,
            ops={} if bound is None else bound.ops,
            rows=rows,
            limits=limits,
            check=self._check if self.checkers() else None,
            check_row=self._check_row if any(row.check for row in rows) else None,
        )

    def checkers(self) -> list[tuple[str, pluggy.HookCaller]]:
        """The plugins whose `byoc_check` is asked: the vendor's own, and those that gave rows for it."""
        callers = self.plugins.callers("byoc_check")
        return [(owner, caller) for owner, caller in callers if owner in self.speakers]

    @property
    def public_options(self) -> dict[str, Any]:
        """The typed options without the secret ones."""
        return public_values(self.spec, self.values)

    def judge(self, regions: Sequence[Region]) -> list[Refusal | None]:
        """Ask `byoc_check` of every plugin about `regions`; a failure of the vendor's code refuses."""
        return self._ask([Question(each) for each in regions], "byoc_check")

    def estimate(self, regions: Sequence[Region]) -> list[CostRecord | None]:
        """Ask `byoc_estimate` what `regions` would cost; a failure of the vendor's code is a note and no answer."""
        if not self.plugins.callers("byoc_estimate"):
            return [None] * len(regions)
        answers = self._worker.ask([Question(each, costs=True) for each in regions])
        failed = dict.fromkeys(each.words for each in answers if isinstance(each, Failure))
        self.notes += [f"vendor {self.name!r}: byoc_estimate {words}" for words in failed]
        return [None if isinstance(each, Failure) else each for each in answers]

    def close(self) -> None:
        """End the worker process, if one was started."""
        self._worker.close()

    def __enter__(self) -> VendorSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self) -> tuple[Row, ...]:
        """All pattern rows: the support table's, then those of every plugin.

        A plugin whose byoc_pattern_table raises gives no rows and a note, and never stops another vendor; a vendor
        whose own raises cannot be used: PluginError.
        """
        from byoc.partition.patterns.rows import table_rows

        bound = self.spec.bind(self.values)
        rows = list(table_rows(bound, self.name)) if bound is not None else []
        for owner, caller in self.plugins.callers("byoc_pattern_table"):
            try:
                answers = caller(vendor=self.name, spec=self.spec, options=dict(self.values))
                given = [row for each in answers for row in _as_rows(self.name, each)]
            except (Exception, SystemExit) as error:
                who = f"vendor {owner!r} ({self.plugins.owner(owner)}): byoc_pattern_table"
                # byoc's own errors say what was expected; they are answers that are wrong, not code that failed.
                own = isinstance(error, ByocError)
                words = (
                    f"{who}: {error}" if own else f"{who} raised {type(error).__name__}: {error}"
                )
                if owner == self.name:
                    raise PluginError(words) from error
                self.notes.append(words)
                continue
            rows += given
            if given:
                self.speakers.add(owner)
        return tuple(rows)

    def _check(self, graph: Graph, candidates: Sequence[Candidate]) -> list[Refusal | None]:
        return self.judge([region(graph, each) for each in candidates])

    def _check_row(
        self, row: Row, graph: Graph, candidates: Sequence[Candidate]
    ) -> list[Refusal | None]:
        # By identity: names need not be unique in TVM's tables.
        place = next(i for i, each in enumerate(self.vendor.rows) if each is row)
        questions = [Question(region(graph, each), place) for each in candidates]
        return self._ask(questions, f"the check of pattern {row.name}")

    def _ask(self, questions: Sequence[Question], who: str) -> list[Refusal | None]:
        return [
            Refusal("check", f"{who} {given.words}", vendor=self.name)
            if isinstance(given, Failure)
            else given
            for given in self._worker.ask(questions)
        ]


def _as_rows(vendor: str, given: Any) -> list[Row]:
    """The rows of one answer; TVM's and Relay's are converted together, since their order says which wins."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise PatternError(
            f"the answer is {shown(given)}; expected a list of pattern rows, or None"
        )
    rows: list[Row] = []
    for kind, group in groupby(given, key=_kind):
        if kind == "own":
            rows += [_own_row(vendor, each) for each in group]
        elif kind == "relay":
            from byoc.relay.table import rows_from_relay

            rows += rows_from_relay(vendor, list(group))
        else:
            from byoc.partition.patterns.tvm_dpl import rows_from_tvm

            rows += rows_from_tvm(vendor, list(group))
    return rows


def _kind(row: Any) -> str:
    """Whose row it is: byoc's own, Relay's (its pattern is of byoc.relay), or TVM's."""
    if isinstance(row, Row):
        return "own"
    from byoc.relay.dataflow_pattern import DFPattern

    has_pattern = isinstance(row, tuple) and len(row) > 1
    return "relay" if has_pattern and isinstance(row[1], DFPattern) else "tvm"


def _own_row(vendor: str, row: Row) -> Row:
    if row.vendor not in ("", vendor):
        raise PatternError(f"row {row.name!r} is of vendor {row.vendor!r}, expected {vendor!r}")
    return replace(row, vendor=vendor)


_answering: dict[tuple[str, str], VendorSession] = {}


def answer(
    vendor: str, options: Mapping[str, str], questions: Sequence[Question]
) -> list[Refusal | None] | list[CostRecord | None]:
    """In the worker: let the vendor's own code judge. The plugin is loaded once a worker."""
    key = (vendor, repr(sorted(options.items())))
    session = _answering.get(key)
    if session is None:
        session = _answering[key] = VendorSession(Plugins.discover(), vendor, options)
    if questions[0].costs:
        return _costs(session, [each.region for each in questions])
    if questions[0].row is not None:
        row = session.vendor.rows[questions[0].row]
        return [_row_verdict(row, each.region) for each in questions]
    refusals: list[Refusal | None] = [None] * len(questions)
    regions = [each.region for each in questions]
    for owner, caller in session.checkers():
        for given in caller(
            vendor=vendor, regions=regions, spec=session.spec, options=dict(session.values)
        ):
            who = f"byoc_check of {owner} ({session.plugins.owner(owner)})"
            verdicts = region_verdicts(who, given, len(regions))
            refusals = [old or new for old, new in zip(refusals, verdicts, strict=True)]
    return refusals


def _costs(session: VendorSession, regions: list[Region]) -> list[CostRecord | None]:
    """The first answer that a plugin gives, the vendor's own plugin asked first."""
    callers = list(session.plugins.callers("byoc_estimate"))
    callers.sort(key=lambda each: each[0] != session.name)
    for owner, caller in callers:
        given = caller(
            vendor=session.name, regions=regions, spec=session.spec, options=dict(session.values)
        )
        if given is not None:
            who = f"of {owner} ({session.plugins.owner(owner)})"
            return region_costs(who, given, len(regions))
    return [None] * len(regions)


def _row_verdict(row: Row, region: Region) -> Refusal | None:
    """A row's predicate answers with a bool, a Refusal, or None to accept; TVM's own get TVM's context."""
    if isinstance(row.check, TvmCheck):
        from byoc.partition.patterns.tvm_check import run_tvm_check

        return run_tvm_check(row, region.graph, region.candidate)
    assert row.check is not None
    return row_verdict(f"the check of pattern {row.name}", row.check(region))
