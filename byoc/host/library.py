"""Library: the heavy ops that no vendor took run in onnxruntime, a vendor of role host.

The module is partitioned a second time, after its vendors' segments were outlined: those are calls like any other
then. What onnxruntime's support table takes is the library's; `HEAVY` ops make a segment by themselves, the others
only join one, because TVM computes them as well and a call costs more than they do. ONNX nodes that import could
not translate (`onnx.LSTM`) are heavy too: TVM has nothing for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tvm import ir, relax

from byoc.partition.graph import Graph
from byoc.partition.plan import Candidate
from byoc.partition.vendor import Check, OpRule, Vendor
from byoc.support.facts import Facts, Tensor
from byoc.support.refusal import Refusal

if TYPE_CHECKING:
    from byoc.frontends.model import Model
    from byoc.region import Region

NAME = "onnxruntime"
"""The vendor whose codegen and driver the library's segments get."""

ROLE = "host"
"""What the library is called in the module: its segments are `host_0`, `host_1`, ..."""

HEAVY = frozenset(
    {
        *(f"nn.conv{axes}d{kind}" for axes in (1, 2, 3) for kind in ("", "_transpose")),
        *(f"nn.{kind}_pool{axes}d" for axes in (1, 2, 3) for kind in ("avg", "max")),
        *(f"nn.adaptive_{kind}_pool{axes}d" for axes in (1, 2, 3) for kind in ("avg", "max")),
        *("matmul", "einsum", "nn.attention", "nn.attention_bias", "nn.attention_var_len"),
        *("nn.softmax", "nn.log_softmax", "nn.layer_norm", "nn.group_norm", "nn.instance_norm"),
        *("nn.rms_norm", "image.resize2d", "image.resize3d", "image.grid_sample"),
        *("sum", "prod", "mean", "max", "min", "variance", "std", "argmax", "argmin"),
        *("cumsum", "cumprod", "sort", "argsort", "topk", "unique", "nonzero"),
        *("scatter_elements", "scatter_nd", "gather_nd", "gather_elements", "bucketize"),
    }
)
"""Ops that are worth a call of their own: onnxruntime is many times faster there than TVM's stock schedules."""

FEW = 64
"""Integers that are arithmetic of shapes rather than data."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of onnxruntime's table in the host's role."""

    given: OpRule
    use: Literal["alone", "joined", "fused"]

    @property
    def qdq(self) -> bool:
        """No quantised form: its parts are taken one by one, and onnxruntime fuses them itself."""
        return False

    @property
    def rule(self) -> str:
        """Where onnxruntime's row stands."""
        return self.given.rule

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        """What onnxruntime's row says; alone, an op also has to be worth a call."""
        refusal = self.given.test(facts, fused=fused)
        if refusal is None and self.use == "alone" and _is_arithmetic_of_shapes(facts):
            return Refusal("policy", f"{facts.op} of a few integers is not worth a call", self.rule)
        return refusal


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row for an ONNX node that is no Relax op: anything goes; codegen will say if there is no kernel."""

    use: Literal["alone", "joined", "fused"]
    qdq: bool = False
    rule: str = ""

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        """Accept."""
        return None


@dataclass(slots=True)
class HostLibrary:
    """onnxruntime as a session of the second partition (`byoc.pipeline.Session`).

    `rows` are its table's, by op. `refused` are sets of bindings, by name, that codegen failed on: no candidate and
    no segment may hold all of one.
    """

    model: Model
    rows: Mapping[str, Sequence[OpRule]]
    check: Check | None = None
    refused: list[frozenset[str]] = field(default_factory=list)
    name: str = ROLE
    notes: tuple[str, ...] = ()

    @property
    def vendor(self) -> Vendor:
        """Its table in the host's role, and a check that holds what codegen refused."""
        ops: dict[str, tuple[OpRule, ...]] = {}
        for op, rows in self.rows.items():
            alone = [Row(each, "alone") for each in rows if op in HEAVY]
            ops[op] = (*alone, *(Row(each, "joined") for each in rows))
        ops.update(source_rows(self.model))
        return Vendor(ROLE, ops, check=self._check if self.check or self.refused else None)

    @property
    def public_options(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def judge(self, regions: Sequence[Region]) -> list[Refusal | None]:
        """Refuse regions that hold all of what codegen failed on, so that they are halved."""
        return [self._known(_bound(each)) for each in regions]

    def refuse(self, bindings: frozenset[str]) -> None:
        """Codegen failed on these bindings together; what it failed on before and holds them tells nothing more."""
        self.refused = [each for each in self.refused if not bindings <= each] + [bindings]

    def _check(self, graph: Graph, candidates: Sequence[Candidate]) -> Sequence[Refusal | None]:
        own = [self._known({graph.names[node] for node in each.nodes}) for each in candidates]
        if self.check is None:
            return own
        asked = self.check(graph, candidates)
        return [mine or theirs for mine, theirs in zip(own, asked, strict=True)]

    def _known(self, bindings: set[str]) -> Refusal | None:
        if any(each <= bindings for each in self.refused):
            return Refusal("codegen-failed", f"{NAME} could not compile it")
        return None


def source_rows(model: Model) -> Iterator[tuple[str, tuple[OpRule, ...]]]:
    """Rows for the source nodes of `model` that are no Relax ops: host calls are heavy, TIR functions join."""
    found: dict[str, Literal["alone", "joined"]] = {}
    for name, groups in sorted(model.groups.items()):
        opaque = _opaque(model.module[name])
        for group in groups:
            if group.host:
                found[group.op] = "alone"
            elif not opaque.isdisjoint(group.bindings):
                found.setdefault(group.op, "joined")
    for op in sorted(found):
        yield op, (SourceRow(found[op]),)


def _opaque(function: Any) -> set[str]:
    """The bindings of TIR functions, by name."""
    found: set[str] = set()

    def visit(expr: Any) -> None:
        for block in expr.blocks if isinstance(expr, relax.SeqExpr) else ():
            found.update(each.var.name for each in block.bindings if _calls_tir(each.value))

    relax.analysis.post_order_visit(function, visit)
    return found


def _calls_tir(value: Any) -> bool:
    return isinstance(value, ir.Call) and getattr(value.op, "name", "") == "relax.call_tir"


def _bound(region: Region) -> set[str]:
    blocks = region.function.body.blocks
    return {binding.var.name for block in blocks for binding in block.bindings}


def _is_arithmetic_of_shapes(facts: Facts) -> bool:
    """Whether an op works on integers alone, no more of them than a tensor has dimensions."""
    tensors = [each for each in facts.inputs.values() if isinstance(each, Tensor)]
    return bool(tensors) and all(
        each.dtype.startswith(("int", "uint", "bool"))
        and each.shape is not None
        and math.prod(extent if isinstance(extent, int) else FEW + 1 for extent in each.shape)
        <= FEW
        for each in tensors
    )
