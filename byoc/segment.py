"""Segment: a merged region as a vendor's codegen is given it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tvm import IRModule, ir, relax

from byoc.errors import UsageError
from byoc.manifest import Extent, Port
from byoc.partition._plain import dim
from byoc.partition.constants import put_back, restored, stored, take_out
from byoc.partition.graph import Graph, Kind, listed
from byoc.partition.outline import Outline, Outlined, OutlinedSegment
from byoc.partition.plan import BlockPlan, Candidate
from byoc.partition.plan import Region as RegionPlan
from byoc.region import Region, region

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite of a segment: the pattern's name, its bindings in `Segment.function`, its source nodes."""

    name: str
    bindings: tuple[str, ...]
    nodes: tuple[str, ...]


class Signature(NamedTuple):
    """What crosses a segment's border, in the order of the call."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class Segment(Region):
    """A merged region. Picklable: it travels to worker processes.

    `symbol` is its name in the module (`npu_0`). `function` (of Region) has its ops flat; `composed` is the same
    function as TVM's RunCodegen would be given it: composites as local functions with the attribute `Composite`,
    `Codegen` and `global_symbol` on the function. Both have the same parameters and results. `composites` are its
    composites, and single ops as composites of no name, in an order in which they can run.
    """

    symbol: str = ""
    composed: relax.Function | None = None
    composites: tuple[Composite, ...] = ()

    @property
    def signature(self) -> Signature:
        """The ports of `function`, under its names; symbolic dimensions by name."""
        graph = self.graph
        given = tuple(_port(param.name, param.ty) for param in self.function.params)
        results = (_result(graph, node) for node in self.results)
        return Signature(given, tuple(_port(name, ty) for name, ty in results))

    @property
    def results(self) -> tuple[int, ...]:
        """The nodes of `graph` that the function returns, in order."""
        graph = self.graph
        (last,) = graph.escapes
        found = graph.operands[last] if graph.kinds[last] is Kind.ALIAS else (last,)
        if len(found) == 1 and graph.kinds[found[0]] is Kind.TUPLE:
            return graph.operands[found[0]]
        return found

    def subset(self, indices: Sequence[int]) -> Segment:
        """The segment of only those `composites`; what it then lacks from the others becomes its inputs.

        `indices` are a run of neighbours, so that nothing outside lies between two of them. The result has the
        symbol of this segment with the run behind it (`npu_0.3-5`).
        """
        graph = self.graph
        candidates = self._candidates(indices)
        plan = BlockPlan(
            tuple(candidates), (RegionPlan(self.vendor, tuple(range(len(candidates)))),), {}
        )
        outlined = Outline()(IRModule({"region": self.function}), [(graph, plan)])
        (part,) = segments_of([(graph, plan)], outlined)
        run = f"{indices[0]}-{indices[-1]}" if len(indices) > 1 else f"{indices[0]}"
        return replace(part, symbol=f"{self.symbol}.{run}")

    def reference(
        self, inputs: Mapping[str, npt.NDArray[np.generic]] | Sequence[npt.NDArray[np.generic]]
    ) -> list[npt.NDArray[np.generic]]:
        """What the host computes of `inputs` (by name, or in order), with TVM's plain schedules.

        Host calls run in onnxruntime. Slow, and meant to hold a vendor's results against. Raises UsageError when
        the inputs do not fit.
        """
        from byoc.codegen.reference import reference

        return reference(self, inputs)

    def _candidates(self, indices: Sequence[int]) -> list[Candidate]:
        from byoc.partition._extent import candidate, members

        graph = self.graph
        ids = {name: node for node, name in enumerate(graph.names) if name}
        if not indices or any(not 0 <= index < len(self.composites) for index in indices):
            raise UsageError(
                f"segment {self.symbol} has {len(self.composites)} composites; asked for {list(indices)}"
            )
        wanted = [self.composites[index] for index in indices]
        return [
            candidate(
                graph, self.vendor, each.name, members(graph, [ids[name] for name in each.bindings])
            )
            for each in wanted
        ]

    def __getstate__(self) -> dict[str, Any]:
        composed = {} if self.composed is None else {"composed": self.composed}
        skeleton, constants = take_out(IRModule({"function": self.function, **composed}))
        return {
            **super()._described(),
            "function": ir.save_json(skeleton),
            "constants": [stored(each) for each in constants],
            "symbol": self.symbol,
            "composites": self.composites,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        constants = [restored(each) for each in state.pop("constants")]
        module = put_back(ir.load_json(state.pop("function")), constants)
        functions = {var.name_hint: each for var, each in module.functions.items()}
        self.__dict__.update(
            state, function=functions["function"], composed=functions.get("composed")
        )


def segments_of(
    blocks: Sequence[tuple[Graph, BlockPlan]], outlined: Outlined
) -> tuple[Segment, ...]:
    """The segments of an outlined module, in its order; `blocks` are what it was outlined from."""
    functions = {var.name_hint: each for var, each in outlined.module.functions.items()}
    return tuple(
        _segment(*blocks[each.graph], each, functions, outlined.module)
        for each in outlined.segments
    )


def _segment(
    graph: Graph,
    block: BlockPlan,
    outlined: OutlinedSegment,
    functions: Mapping[str, Any],
    module: IRModule,
) -> Segment:
    composed = functions[outlined.name]
    members = [block.candidates[index] for index in block.regions[outlined.region].candidates]
    ids = {name: node for node, name in enumerate(graph.names) if name}
    merged = Candidate(
        outlined.vendor,
        "",
        _nodes(graph, members, composed, ids),
        tuple(ids[var.name] for var in outlined.inputs),
        tuple(ids[var.name] for var in outlined.outputs),
    )
    further = []
    if len(composed.params) > len(outlined.inputs):
        dims = _dims_told(functions[graph.function], outlined.name)
        further = [relax.Var(_unused(composed.params[-1].name, ids), relax.ShapeType(dims))]
    made = region(graph, merged, further)
    return Segment(
        vendor=made.vendor,
        name="",
        function=made.function,
        origins=made.origins,
        groups=made.groups,
        host_nodes=made.host_nodes,
        symbol=outlined.name,
        composed=composed,
        composites=tuple(_composite(graph, each) for each in members),
    )


def _composite(graph: Graph, candidate: Candidate) -> Composite:
    names = tuple(graph.names[node] for node in candidate.nodes if graph.names[node])
    return Composite(candidate.name, names, graph.sources(candidate.nodes))


def _nodes(
    graph: Graph, candidates: Sequence[Candidate], composed: Any, ids: Mapping[str, int]
) -> tuple[int, ...]:
    """The candidates' nodes, and the tuples and items that outlining drew in between them."""
    from byoc.partition._extent import members

    nodes = {node for each in candidates for node in each.nodes}
    for block in composed.body.blocks:
        for binding in listed(block.bindings):
            node = ids.get(binding.var.name)
            if node is not None and graph.kinds[node] in (Kind.ITEM, Kind.TUPLE):
                nodes.add(node)
    return members(graph, nodes)


def _dims_told(function: Any, name: str) -> Any:
    """The dimensions that the host tells segment `name` beside its tensors: its call's last argument."""
    found: list[Any] = []

    def visit(expr: Any) -> None:
        is_call = isinstance(expr, ir.Call) and isinstance(expr.op, ir.GlobalVar)
        if is_call and expr.op.name_hint == name:
            found.append(expr.args[-1].values)

    relax.analysis.post_order_visit(function, visit)
    return found[0]


def _unused(name: str, taken: Mapping[str, int]) -> str:
    number = 0
    free = name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _result(graph: Graph, node: int) -> tuple[str, Any]:
    var = graph.vars[node]
    return graph.names[node], (graph.exprs[node] if var is None else var).ty


def _port(name: str, ty: Any) -> Port:
    if isinstance(ty, relax.ShapeType):
        return Port(name, "shape", None if ty.values is None else tuple(map(dim, ty.values)))
    if not isinstance(ty, relax.TensorType):
        return Port(name, "tuple", None)
    shape: tuple[Extent, ...] | None
    if ty.shape is None:
        shape = None if ty.ndim < 0 else (None,) * ty.ndim
    else:
        values = getattr(ty.shape, "values", None)
        shape = (None,) * ty.ndim if values is None else tuple(map(dim, values))
    return Port(name, str(ty.dtype), shape)
