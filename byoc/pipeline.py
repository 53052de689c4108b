"""Pipeline: the stages in order, with an observer.

    import -> read -> match -> annotate -> place -> merge -> outline -> verify -> plan

Match and annotate run once for each vendor, all of them before place; every stage works block by block. What a
stage decides is in its own module in `byoc.partition`; here is only what follows what.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from byoc.collector import collector_paused
from byoc.errors import UsageError, nearest
from byoc.options import STAGES as STAGES
from byoc.options import Observer as Observer
from byoc.options import PartitionOptions as PartitionOptions
from byoc.partition.graph import Graph, attach_groups, read_module
from byoc.partition.plan import BlockPlan, Decision, Plan
from byoc.partition.trace import Event, Trace

if TYPE_CHECKING:
    from onnx import ModelProto
    from tvm import IRModule

    from byoc.codegen.demote import Apart
    from byoc.codegen.search import Objection
    from byoc.cost import CostRecord
    from byoc.frontends.model import Model
    from byoc.partition.match import Match
    from byoc.partition.outline import Outlined
    from byoc.partition.vendor import Vendor
    from byoc.partition.withdraw import Offers
    from byoc.plugins import Plugins
    from byoc.region import Region
    from byoc.segment import Segment
    from byoc.store import StoredPartition
    from byoc.support.refusal import Refusal
    from byoc.vendor import VendorSession


class Session(Protocol):
    """A vendor that is ready to be asked: a plugin's (`byoc.vendor.VendorSession`), or a program's own."""

    @property
    def name(self) -> str:
        """The vendor's name."""

    @property
    def vendor(self) -> Vendor:
        """Its ops, rows, limits and checks."""

    @property
    def notes(self) -> Sequence[str]:
        """What the report should say of it."""

    @property
    def public_options(self) -> Mapping[str, Any]:
        """Its options as the plan records them."""

    def judge(self, regions: Sequence[Region]) -> Sequence[Refusal | None]:
        """Refuse merged regions, or not; asked when `vendor` has a check. Raises nothing."""


class Estimator(Protocol):
    """A session that can tell what regions would cost."""

    @property
    def name(self) -> str:
        """The vendor's name."""

    def estimate(self, regions: Sequence[Region]) -> Sequence[CostRecord | None]:
        """The cost of each region, None where the vendor tells none. Raises nothing."""


class Confirm(Protocol):
    """Holds segments to what their vendors can compile (`byoc.codegen.confirm`)."""

    def __call__(self, segments: Sequence[Segment]) -> Sequence[Objection | None]:
        """One answer a segment, in order; None accepts."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partitioned model: what `byoc partition` reports and writes.

    `module` is ordinary Relax: segments are functions with `Codegen` and `global_symbol`, composites inside them
    have `Composite`. `seconds` has the wall time of each stage. `story` (`explain`) has, for each Relax op made
    from the node asked for, its binding and what happened to it. `costs` (`estimate`) has what vendors expect of
    segments, by name. `outlined` and `blocks` are what outline made and what it was given.
    """

    model: Model
    module: IRModule
    plan: Plan
    seconds: Mapping[str, float]
    story: tuple[tuple[str, tuple[Event, ...]], ...] = ()
    outlined: Outlined | None = field(default=None, repr=False, compare=False)
    blocks: tuple[tuple[Graph, BlockPlan], ...] = field(default=(), repr=False, compare=False)
    costs: Mapping[str, CostRecord] = field(default_factory=dict)

    def segments(self) -> tuple[Segment, ...]:
        """The segments as codegen is given them, in the order of the plan; made anew at each call."""
        from byoc.segment import segments_of

        return () if self.outlined is None else segments_of(self.blocks, self.outlined)

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write plan, module and constants to the folder `path`; `byoc.load_partition` reads them back."""
        from byoc.store import save_partition

        save_partition(self, Path(path), force=force)


def partition_model(
    source: Model | ModelProto | IRModule | Path | str,
    vendors: Sequence[str],
    options: PartitionOptions | None = None,
    *,
    observer: Observer | None = None,
    explain: str | None = None,
) -> Partition:
    """Partition `source` for `vendors`, in the order of preference.

    `source` is a path, `zoo:NAME`, an ONNX model, a Relax module or an imported `Model`. `explain` names a source
    node whose story is wanted. Raises UsageError, ModelError, PluginError, TableError or PatternError for what
    the caller can mend; VerificationError would be a defect of byoc.
    """
    from byoc.plugins import Plugins

    options = options or PartitionOptions()
    if not vendors or len(set(vendors)) != len(vendors):
        raise UsageError(f"vendors given: {list(vendors)}; expected at least one, each once")
    with ExitStack() as stack:
        sessions = open_sessions(stack, Plugins.discover(), vendors, options)
        unknown = sorted(set(options.vendor_options) - set(vendors))
        if unknown:
            raise UsageError(
                f"options are given for vendor {unknown[0]!r}, which is not asked{nearest(unknown[0], vendors)}"
            )
        run = _Run(sessions, options, observer or Observer(), estimators=sessions)
        return run.run(source, explain)


def open_sessions(
    stack: ExitStack, plugins: Plugins, vendors: Sequence[str], options: PartitionOptions
) -> list[VendorSession]:
    """The vendors, ready to be asked while `stack` is open."""
    from byoc.vendor import VendorSession

    return [
        stack.enter_context(
            VendorSession(
                plugins, name, options.vendor_options.get(name, {}), options.check_timeout
            )
        )
        for name in vendors
    ]


def partition_for(
    source: Model | ModelProto | IRModule | StoredPartition | Path | str,
    sessions: Sequence[Session],
    options: PartitionOptions | None = None,
    *,
    observer: Observer | None = None,
    explain: str | None = None,
    confirm: Confirm | None = None,
) -> Partition:
    """Partition `source` for vendors that are ready to be asked, in the order of preference.

    This is `partition_model` after discovery, for a program that has its vendors from elsewhere than plugins.
    `options.vendor_options` and `check_timeout` are the sessions' own affair and not looked at. What `confirm`
    objects to is taken away from its vendor, and the rest is placed and merged again.
    """
    run = _Run(sessions, options or PartitionOptions(), observer or Observer(), confirm)
    return run.run(source, explain)


@dataclass(slots=True)
class _Run:
    """One partition under way: the clock, and the traces when a story is wanted."""

    sessions: Sequence[Session]
    options: PartitionOptions
    observer: Observer
    confirm: Confirm | None = None
    estimators: Sequence[Estimator] = ()
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    apart: dict[int, Apart] = field(default_factory=dict)

    def run(self, source: Any, explain: str | None) -> Partition:
        """Import `source` and partition it, or take what was partitioned before."""
        if type(source).__name__ == "StoredPartition":
            with self.stage("import"):
                model, blocks = source.source
            with collector_paused():
                return self.partition(model, explain, blocks)
        with self.stage("import"):
            model = as_model(source, self.options)
        with collector_paused():
            return self.partition(model, explain)

    def partition(
        self,
        model: Model,
        explain: str | None,
        given: Sequence[tuple[Graph, BlockPlan]] | None = None,
    ) -> Partition:
        """Everything after import; what was decided before is `given`, and taken as it is."""
        from byoc.partition.record import record

        with self.stage("read"):
            graphs = read_module(model.module) if given is None else [graph for graph, _ in given]
            for graph in graphs if given is None else ():
                graph.origins = model.origins.get(graph.function, {})
                graph.host_nodes = model.host_nodes
                attach_groups(graph, model.groups)
        traces = [_trace(graph, model, explain) for graph in graphs]
        if explain is not None and not any(trace and trace.only for trace in traces):
            known = {
                node for table in model.origins.values() for each in table.values() for node in each
            }
            raise UsageError(f"the model has no node {explain!r}{nearest(explain, known)}")
        blocks, outlined = self.cut(model, graphs, traces, given)
        if self.options.verify:
            with self.stage("verify"):
                from byoc.partition.verify import Verify

                Verify()(model.module, outlined.module)
        with self.stage("plan"):
            costs = self.costs(blocks, outlined) if self.options.estimate else {}
            plan = record(
                model.name,
                blocks,
                outlined,
                vendors=[session.name for session in self.sessions],
                options=self.public_options(),
                notes=[note for session in self.sessions for note in session.notes],
                verified=self.options.verify,
            )
        story = _story(graphs, traces)
        return Partition(
            model, outlined.module, plan, self.seconds, story, outlined, tuple(blocks), costs
        )

    def costs(
        self, blocks: Sequence[tuple[Graph, BlockPlan]], outlined: Outlined
    ) -> dict[str, CostRecord]:
        """What the vendors expect their segments to cost, by the segments' names."""
        from byoc.segment import segments_of

        segments = segments_of(blocks, outlined)
        found: dict[str, CostRecord] = {}
        for session in self.estimators:
            own = [each for each in segments if each.vendor == session.name]
            answers = session.estimate(own) if own else ()
            found |= {each.symbol: cost for each, cost in zip(own, answers, strict=True) if cost}
        return found

    def cut(
        self,
        model: Model,
        graphs: Sequence[Graph],
        traces: Sequence[Trace | None],
        given: Sequence[tuple[Graph, BlockPlan]] | None,
    ) -> tuple[list[tuple[Graph, BlockPlan]], Outlined]:
        """Decide what goes where and outline it, again until every vendor can compile what it was given."""
        from byoc.partition.outline import Outline

        if given is None:
            offers, plans = self.decide(graphs, self.asked(graphs, traces), traces)
        else:
            plans = [plan for _, plan in given]
            offers = [self.stated(plan) for plan in plans]
        while True:
            blocks = list(zip(graphs, plans, strict=True))
            with self.stage("outline"):
                outlined = Outline()(model.module, blocks)
            if self.confirm is None:
                return blocks, outlined
            with self.stage("codegen"):
                fewer = self.confirmed(blocks, outlined, offers, traces)
            if fewer is None:
                return blocks, outlined
            offers, plans = self.decide(graphs, fewer, traces)

    def confirmed(
        self,
        blocks: Sequence[tuple[Graph, BlockPlan]],
        outlined: Outlined,
        offers: Sequence[Offers],
        traces: Sequence[Trace | None],
    ) -> list[Offers] | None:
        """The offers without what the vendors' compilers could not do; None when all segments compile."""
        from byoc.codegen.demote import Apart, demote
        from byoc.segment import segments_of

        assert self.confirm is not None
        objections = self.confirm(segments_of(blocks, outlined))
        if not any(objections):
            return None
        fewer: list[Offers] = []
        for index, (graph, block) in enumerate(blocks):
            own = [
                (segment, objection)
                for segment, objection in zip(outlined.segments, objections, strict=True)
                if segment.graph == index and objection is not None
            ]
            apart = self.apart.setdefault(index, Apart())
            fewer.append(demote(graph, offers[index], block, own, apart, traces[index]))
        return fewer

    def decide(
        self,
        graphs: Sequence[Graph],
        offers: list[Offers],
        traces: Sequence[Trace | None],
    ) -> tuple[list[Offers], list[BlockPlan]]:
        """Place and merge until each vendor has only what it can keep; the offers of then, and the blocks."""
        from byoc.partition.withdraw import withdraw

        each = list(zip(graphs, traces, strict=True))
        while True:
            blocks = self.settle(graphs, offers, traces)
            fewer = [
                withdraw(graph, offer, block, trace)
                for (graph, trace), offer, block in zip(each, offers, blocks, strict=True)
            ]
            if not any(fewer):
                return offers, blocks
            offers = [new or old for new, old in zip(fewer, offers, strict=True)]

    def asked(self, graphs: Sequence[Graph], traces: Sequence[Trace | None]) -> list[Offers]:
        """What each vendor would take of each block."""
        from byoc.partition.match import Match

        with self.stage("match"):
            matches = [Match(session.vendor) for session in self.sessions]
        return [
            self.offers(matches, graph, trace) for graph, trace in zip(graphs, traces, strict=True)
        ]

    def stated(self, plan: BlockPlan) -> Offers:
        """The offers that a block's plan was made of, as far as it took them."""
        return [
            (
                session.name,
                Decision(
                    tuple(each for each in plan.candidates if each.vendor == session.name),
                    {
                        node: tuple(each for each in told if each.vendor == session.name)
                        for node, told in plan.refusals.items()
                    },
                ),
            )
            for session in self.sessions
        ]

    def offers(self, matches: Sequence[Match], graph: Graph, trace: Trace | None) -> Offers:
        """What each vendor would take of a block: match and annotate."""
        from byoc.partition.annotate import Annotate

        decisions: list[tuple[str, Decision]] = []
        for session, match in zip(self.sessions, matches, strict=True):
            with self.stage("match"):
                decision = match(graph, trace)
            with self.stage("annotate"):
                decision = Annotate(session.vendor)(graph, decision, trace)
            decisions.append((session.name, decision))
        return decisions

    def settle(
        self, graphs: Sequence[Graph], offers: Sequence[Offers], traces: Sequence[Trace | None]
    ) -> list[BlockPlan]:
        """Place and merge every block, let the vendors judge the segments, and trim the whole."""
        from byoc.judge import judge_regions
        from byoc.partition.macs import macs
        from byoc.partition.merge import Merge
        from byoc.partition.place import Place
        from byoc.partition.trim import Trim

        limits = {session.name: session.vendor.limits for session in self.sessions}
        merge = Merge(self.options.merge, self.options.min_ops, self.options.min_macs, limits)
        place = Place()
        blocks: list[BlockPlan] = []
        for index, (graph, offer, trace) in enumerate(zip(graphs, offers, traces, strict=True)):
            with self.stage("place"):
                decision = place(graph, offer, trace)
            with self.stage("merge"):
                block = merge(graph, decision, partial(macs, graph), trace)
                for session in self.sessions:
                    if session.vendor.check is not None:
                        block = judge_regions(session.name, session.judge, graph, block, trace)
                if index in self.apart:
                    block = self.apart[index].cut(block)
            blocks.append(block)
        with self.stage("merge"):
            trim = Trim(self.options.min_ops, self.options.min_macs, limits)
            return trim(list(zip(graphs, blocks, strict=True)), macs, traces)

    def public_options(self) -> dict[str, Any]:
        """The options as the plan records them: no secrets, nothing that cannot change the result."""
        options = self.options
        return {
            "shapes": {name: list(shape) for name, shape in sorted(options.shapes.items())},
            "dims": dict(sorted(options.dims.items())),
            "min_ops": options.min_ops,
            "min_macs": options.min_macs,
            "merge": options.merge,
            **({} if options.qnn == "qdq" else {"qnn": options.qnn}),
            "vendor_options": {session.name: session.public_options for session in self.sessions},
        }

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell the observer about a stage and add its time."""
        self.observer.begin(name)
        start = time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.observer.end(name, seconds)


def as_model(source: Any, options: PartitionOptions) -> Model:
    """Import `source` unless it is a Model already."""
    from byoc.frontends.model import Model

    if isinstance(source, Model):
        return source
    from tvm import IRModule

    if isinstance(source, IRModule):
        from byoc.frontends.relax import from_module

        return from_module(source, "module")
    from onnx import ModelProto

    from byoc.frontends import import_model

    if not isinstance(source, str | Path | ModelProto):
        raise UsageError(
            f"the model given is a {type(source).__name__}; expected a path, zoo:NAME, an onnx.ModelProto, a Relax "
            "IRModule or a byoc.Model"
        )
    return import_model(
        source,
        shapes=options.shapes,
        dims=options.dims,
        params=options.params,
        qnn=options.qnn,
    )


def _trace(graph: Graph, model: Model, explain: str | None) -> Trace | None:
    if explain is None:
        return None
    origins = model.origins.get(graph.function, {})
    wanted = {
        node
        for node, name in enumerate(graph.names)
        if name and (explain in origins.get(name, ()) or explain == name)
    }
    trace = Trace(frozenset(wanted))
    for group in model.groups.get(graph.function, ()):
        for node in wanted if group.host else ():
            if graph.names[node] in group.bindings:
                words = f"{group.op} is a host call: {group.reason}"
                trace.note(node, "import", "", words)
    return trace


def _story(
    graphs: Sequence[Graph], traces: Sequence[Trace | None]
) -> tuple[tuple[str, tuple[Event, ...]], ...]:
    return tuple(
        (f"{graph.names[node]} = {graph.ops[node]}", tuple(trace.events.get(node, ())))
        for graph, trace in zip(graphs, traces, strict=True)
        if trace is not None
        for node in sorted(trace.only or ())
    )
