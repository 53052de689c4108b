"""Outline: regions become functions that a vendor's codegen is given (Relay's PartitionGraph).

The result is ordinary Relax: what `MergeCompositeFunctions` would leave and `RunCodegen` takes. What stays
on the host keeps its variables, names and spans; a region's call stands where its last op stood, and only
what has to move does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import IRModule, relax

from byoc.partition import _relax
from byoc.partition._regions import run_order, with_neutral
from byoc.partition._segment import Item, Setting, segment, spread
from byoc.partition._units import Units, contract
from byoc.partition.graph import Graph, Kind
from byoc.partition.plan import BlockPlan


@dataclass(frozen=True, slots=True)
class OutlinedSegment:
    """One outlined function: `graph` and `region` say which region of which block it was.

    `inputs` and `outputs` are the host's variables at its border, in the order of the call.
    """

    name: str
    vendor: str
    graph: int
    region: int
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outlined:
    """The partitioned module and its segments, blocks in order, regions in the order of the plan."""

    module: IRModule
    segments: tuple[OutlinedSegment, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """Make one function of each region and call it where the region was."""

    def __call__(self, module: IRModule, blocks: Sequence[tuple[Graph, BlockPlan]]) -> Outlined:
        """Outline the regions of all `blocks` of `module`; segments are named `<vendor>_<number>`.

        Blocks without a plan stay as they are. Raises nothing that a user could cause.
        """
        return _Outliner(module, blocks).run()


class _Outliner:
    """The module under construction: new functions and the blocks that call them."""

    def __init__(self, module: IRModule, blocks: Sequence[tuple[Graph, BlockPlan]]) -> None:
        self.module, self.blocks = module, blocks
        self.functions = {var.name_hint: (var, each) for var, each in module.functions.items()}
        self.made: dict[Any, Any] = {}
        self.names = set(self.functions)
        self.numbers: dict[str, int] = {}
        self.segments: list[OutlinedSegment] = []
        self.rebuilt: dict[tuple[str, tuple[int | str, ...]], _Block] = {}
        self.dims: dict[str, dict[tuple[int | str, ...], dict[int, int]] | None] = {}

    def run(self) -> Outlined:
        for index, (graph, plan) in enumerate(self.blocks):
            self.rebuilt[graph.function, graph.block] = _Block(self, index, graph, plan)
        touched = {graph.function for graph, plan in self.blocks if plan.regions}
        for block in self.rebuilt.values():
            if block.plan.regions:
                block.outline()
        functions: dict[Any, Any] = {}
        for name in sorted(self.functions):
            var, function = self.functions[name]
            functions[var] = self._function(name, function) if name in touched else function
        functions.update(self.made)
        module = IRModule(functions, attrs=self.module.attrs, global_infos=self.module.global_infos)
        return Outlined(module, tuple(self.segments))

    def definers(self, graph: Graph) -> dict[int, int] | None:
        """The dimensions (by address) that a match_cast of this block defines, None if there are none at all."""
        if graph.function not in self.dims:
            self.dims[graph.function] = self._dims(graph.function)
        known = self.dims[graph.function]
        return None if known is None else known.get(graph.block, {})

    def _dims(self, name: str) -> dict[tuple[int | str, ...], dict[int, int]] | None:
        function = self.functions[name][1]
        params = relax.TupleType([param.ty for param in function.params])
        seen = {hash(dim) for dim in relax.analysis.definable_tir_vars_in_type(params)}
        if not seen and not relax.analysis.defined_symbolic_vars(function):
            return None
        found: dict[tuple[int | str, ...], dict[int, int]] = {}
        for graph, _ in self.blocks:
            for node, kind in enumerate(graph.kinds if graph.function == name else ()):
                if kind is Kind.CAST:
                    for dim in relax.analysis.tir_vars_in_type(graph.vars[node].ty):
                        if hash(dim) not in seen:
                            seen.add(hash(dim))
                            found.setdefault(graph.block, {})[hash(dim)] = node
        return found

    def name(self, vendor: str) -> str:
        """The next free name of the vendor's segments."""
        stem = re.sub(r"\W", "_", vendor)
        while True:
            number = self.numbers.get(vendor, 0)
            self.numbers[vendor] = number + 1
            name = f"{stem}_{number}"
            if name not in self.names:
                self.names.add(name)
                return name

    def _function(self, name: str, function: Any) -> Any:
        body = self.sequence(name, function.body, ())
        return relax.Function(
            function.params, body, function.ret_ty, function.is_pure, function.attrs, function.span
        )

    def sequence(self, function: str, body: Any, path: tuple[int | str, ...]) -> Any:
        """Rebuild a SeqExpr, block by block."""
        blocks = [
            self.rebuilt[function, (*path, index)].rebuild(block)
            if (function, (*path, index)) in self.rebuilt
            else block
            for index, block in enumerate(body.blocks)
        ]
        return _relax.sequence(blocks, body.body)


class _Block:
    """One binding block: its regions as segments, and the host's bindings around their calls."""

    def __init__(self, owner: _Outliner, index: int, graph: Graph, plan: BlockPlan) -> None:
        self.owner, self.index, self.graph, self.plan = owner, index, graph, plan
        self.calls: list[list[Any]] = []
        self.order: list[int] = []
        self.units: Units | None = None
        self.aliased = Kind.ALIAS in graph.kinds
        self.home: list[int] = []

    def outline(self) -> None:
        """Make the functions of all regions."""
        graph, plan = self.graph, self.plan
        placed = [index for region in plan.regions for index in region.candidates]
        units = contract(graph, [plan.candidates[index] for index in placed])
        start = 0
        regions: list[range] = []
        for region in plan.regions:
            regions.append(range(start, start + len(region.candidates)))
            start += len(region.candidates)
        where = {held: unit for unit, held in enumerate(units.candidate) if held >= 0}
        home = with_neutral(units, [[where[each] for each in region] for region in regions])
        self._pull_items(units, home)
        self.units, self.home = units, home
        node_home = [home[unit] if unit >= 0 else -1 for unit in units.unit_of]
        members: list[list[int]] = [[] for _ in regions]
        for unit, number in enumerate(home):
            if number >= 0:
                members[number].append(unit)
        self.order = run_order(units, home, len(regions))
        for number, inside in enumerate(members):
            items = [
                Item.of(plan.candidates[placed[units.candidate[unit]]])
                if units.candidate[unit] >= 0
                else Item("", units.nodes[unit], ())
                for unit in inside
            ]
            self._segment(number, items, node_home)

    def _pull_items(self, units: Units, home: list[int]) -> None:
        """An item of a tuple that a region makes is the region's own: a border of tensors, not of tuples."""
        for unit, nodes in enumerate(units.nodes):
            if home[unit] < 0 and self.graph.kinds[nodes[0]] is Kind.ITEM:
                source = units.unit_of[self.graph.operands[nodes[0]][0]]
                home[unit] = home[source] if source >= 0 else -1

    def _segment(self, number: int, items: Sequence[Item], home: Sequence[int]) -> None:
        graph, owner = self.graph, self.owner
        vendor = self.plan.regions[number].vendor
        name = owner.name(vendor)
        # What nobody reads leaves too, so that it is kept, but not out of a composite that gives something else.
        nodes = sorted(node for item in items for node in (item.outputs or item.nodes))
        outputs = [node for node in nodes if self._leaves(node, number, home)]
        attrs = _relax.attrs(Codegen=vendor, global_symbol=name)
        setting = Setting(graph, home, number, owner.definers(graph), self.aliased)
        body = segment(setting, items, outputs, attrs)
        callee = _relax.global_variable(name, body.function.ty)
        owner.made[callee] = body.function
        values = [graph.vars[node] for node in body.inputs]
        bindings: list[Any] = []
        spread(
            graph,
            body,
            name,
            callee,
            body.arguments(values),
            graph.vars.__getitem__,
            bindings,
            dataflow=graph.dataflow,
        )
        self.calls.append(bindings)
        made = tuple(graph.vars[node] for node in outputs)
        owner.segments.append(
            OutlinedSegment(name, vendor, self.index, number, tuple(values), made)
        )

    def _leaves(self, node: int, number: int, home: Sequence[int]) -> bool:
        """Whether a named node of region `number` is read outside it, or by nobody at all."""
        graph = self.graph
        if graph.vars[node] is None:
            return False
        users = graph.users[node]
        if node in graph.escapes or not users:
            return True
        for user in users:  # noqa: SIM110  # a generator doubles the time
            if home[user] != number:
                return True
        return False

    def rebuild(self, block: Any) -> Any:
        """The block with calls of segments where the regions were."""
        graph, branching = self.graph, Kind.IF
        originals = {
            node: binding for node, binding in enumerate(graph.bindings) if binding is not None
        }
        for node, kind in enumerate(graph.kinds):
            if kind is branching:
                originals[node] = self._branches(node, originals[node])
        bindings = list(originals.values())
        if self.units is not None:
            bindings = self._ordered(self.units, originals)
        made = relax.DataflowBlock if graph.dataflow else relax.BindingBlock
        return made(bindings, block.span)

    def _ordered(self, units: Units, originals: dict[int, Any]) -> list[Any]:
        unneeded = self._unneeded(units)
        bindings: list[Any] = []
        for each in self.order:
            if each < 0:
                bindings += self.calls[-1 - each]
                continue
            for node in units.nodes[each]:
                if node in originals and node not in unneeded:
                    bindings.append(originals[node])
        return bindings

    def _unneeded(self, units: Units) -> set[int]:
        """Tuples on the host that only segments read, which make them for themselves."""
        graph = self.graph
        unneeded: set[int] = set()
        for unit in range(len(units) - 1, -1, -1):
            node = units.nodes[unit][0]
            if self.home[unit] >= 0 or graph.kinds[node] is not Kind.TUPLE:
                continue
            users = graph.users[node]
            if node in graph.escapes or not users:
                continue
            if all(self.home[units.unit_of[user]] >= 0 or user in unneeded for user in users):
                unneeded.add(node)
        return unneeded

    def _branches(self, node: int, binding: Any) -> Any:
        graph, value = self.graph, binding.value
        path = (*graph.block, graph.names[node])
        then = self.owner.sequence(graph.function, value.true_branch, (*path, "then"))
        otherwise = self.owner.sequence(graph.function, value.false_branch, (*path, "else"))
        again = _relax.branch(value, value.cond, then, otherwise)
        return relax.VarBinding(binding.var, again, binding.span)
