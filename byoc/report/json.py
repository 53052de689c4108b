"""The JSON report: a contract that other programs read; `schema.json` beside this file describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING, Any

from byoc.partition.plan import OpPlan, Plan, Refusal, SegmentPlan, TensorInfo
from byoc.report.summary import (
    Coverage,
    Reason,
    Tally,
    coverage,
    host_ops,
    op_node,
    reasons,
    refusal_counts,
    tally,
)

if TYPE_CHECKING:
    from byoc.cost import CostRecord
    from byoc.pipeline import Partition

FORMAT = 1
"""Raised when a field changes its meaning or goes away; new fields do not raise it."""


def report(partition: Partition) -> dict[str, Any]:
    """The JSON document of a partition, in plain Python; the same partition gives the same but for `seconds`.

    `host` lists every op that no vendor took, with a refusal of each vendor asked. `macs` are
    multiply-accumulates: null where a dimension is unknown; totals add the known ones and say how many ops are
    `unknown`. `seconds` has the wall time of each stage.
    """
    plan = partition.plan
    return {
        "format": FORMAT,
        **plan_json(plan),
        "segments": [_costed(each, partition.costs.get(each.name)) for each in plan.segments],
        "notes": [*partition.model.notes, *plan.notes],
        "seconds": seconds_json(partition.seconds),
    }


def plan_json(plan: Plan) -> dict[str, Any]:
    """What every report of a plan has in common."""
    return {
        "byoc": plan.byoc,
        "model": plan.model,
        "vendors": list(plan.vendors),
        "options": plain(plan.options),
        **_totals(plan),
        "coverage": [_coverage(each, tally(plan.ops)) for each in coverage(plan)],
        "segments": [_segment(each) for each in plan.segments],
        "host": [_host(each) for each in host_ops(plan)],
        "reasons": [_reason(each) for each in reasons(plan)],
        "refusals": [
            {"vendor": vendor, "code": code, "ops": kept.ops, "macs": kept.macs}
            for vendor, code, kept in refusal_counts(plan)
        ],
        "notes": list(plan.notes),
        "verified": plan.verified,
    }


def seconds_json(seconds: Mapping[str, float]) -> dict[str, float]:
    """The wall time of each stage, to the microsecond."""
    return {stage: round(each, 6) for stage, each in seconds.items()}


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every report is valid against."""
    text = resources.files("byoc.report").joinpath("schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def refusal_json(refusal: Refusal) -> dict[str, str]:
    """A refusal as the report has it."""
    return {
        "vendor": refusal.vendor,
        "code": refusal.code,
        "message": refusal.message,
        "rule": refusal.rule,
    }


def _totals(plan: Plan) -> dict[str, dict[str, int]]:
    whole, host = tally(plan.ops), tally(host_ops(plan))
    return {
        "ops": {"total": whole.ops, "offloaded": whole.ops - host.ops, "host": host.ops},
        "macs": {
            "total": whole.macs,
            "offloaded": whole.macs - host.macs,
            "host": host.macs,
            "unknown": whole.unknown,
        },
    }


def _coverage(given: Coverage, whole: Tally) -> dict[str, Any]:
    return {
        "vendor": given.vendor,
        "segments": given.segments,
        "ops": given.taken.ops,
        "ops_share": _share(given.taken.ops, whole.ops),
        "macs": given.taken.macs,
        "macs_share": _share(given.taken.macs, whole.macs),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _segment(segment: SegmentPlan) -> dict[str, Any]:
    return {
        "name": segment.name,
        "vendor": segment.vendor,
        "function": segment.function,
        "composites": list(segment.composites),
        "nodes": list(segment.nodes),
        "bindings": list(segment.bindings),
        "ops": segment.ops,
        "inputs": [_tensor(each) for each in segment.inputs],
        "outputs": [_tensor(each) for each in segment.outputs],
        "macs": segment.macs,
        "constant_bytes": segment.constant_bytes,
    }


def _costed(segment: SegmentPlan, cost: CostRecord | None) -> dict[str, Any]:
    """A segment, and what its vendor expects it to cost where it was asked and told."""
    return _segment(segment) | ({} if cost is None else {"cost": plain(asdict(cost))})


def _tensor(tensor: TensorInfo) -> dict[str, Any]:
    shape = None if tensor.shape is None else list(tensor.shape)
    return {"shape": shape, "dtype": tensor.dtype}


def _host(op: OpPlan) -> dict[str, Any]:
    return {
        "node": op_node(op),
        "nodes": list(op.nodes),
        "op": op.op,
        "function": op.function,
        "binding": op.binding,
        "macs": op.macs,
        "refusals": [refusal_json(each) for each in op.refusals],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "vendor": reason.vendor,
        "code": reason.code,
        "message": reason.message,
        "rules": list(reason.rules),
        "ops": len(reason.ops),
        "macs": reason.macs,
        "nodes": list(reason.nodes),
    }


def plain(value: Any) -> Any:
    """`value` as JSON has it: mappings with sorted text keys, lists for sequences."""
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
