"""Partitions written by hand: a plan is data, so the reports need no model, no vendor and no TVM pass."""

from __future__ import annotations

from tvm import IRModule

from byoc.frontends.model import Model
from byoc.partition.plan import OpPlan, Plan, Refusal, SegmentPlan, TensorInfo
from byoc.partition.trace import Event
from byoc.pipeline import Partition

KERNEL = Refusal(
    "when", "the convolution engine holds kernels of at most 7x7", "support.yaml:31", "npu"
)
NO_ROW = Refusal("unsupported-op", "npu has no row for nn.softmax", "", "npu")
SHARED = Refusal(
    "pattern",
    "conv2d_bias_relu: the result of nn.conv2d (/features/block.1/expand/Conv) is also used by add "
    "(/features/block.1/Add), which stands outside the match",
    "support.yaml:77",
    "npu",
)
OPTIONS = {
    "shapes": {"input": (1, 3, 224, 224)},
    "dims": {},
    "min_ops": 0,
    "min_macs": 0,
    "merge": "fewest",
    "vendor_options": {"npu": {"cores": 2}},
}


def op(binding: str, name: str, macs: int | None = 0, **more: object) -> OpPlan:
    """An op of `main` that came from a node of its binding's name with a capital letter."""
    fields = {"function": "main", "binding": binding, "op": name, "nodes": (binding.title(),)}
    return OpPlan(**{**fields, "macs": macs, **more})  # type: ignore[arg-type]


def segment(index: int, ops: tuple[OpPlan, ...], vendor: str = "npu") -> SegmentPlan:
    """A segment of `ops`, an image in and a feature map out."""
    composites = dict.fromkeys(each.composite for each in ops if each.composite)
    costs = [each.macs for each in ops]
    return SegmentPlan(
        name=f"{vendor}_{index}",
        vendor=vendor,
        function="main",
        composites=tuple(composites),
        nodes=tuple(each.nodes[0] for each in ops),
        bindings=tuple(each.binding for each in ops),
        ops=len(ops),
        inputs=(TensorInfo((1, 3, 224, 224), "float32"),),
        outputs=(TensorInfo((1, 64, "h", 112), "float32"), TensorInfo((1, 64), "int8")),
        macs=None if None in costs else sum(each or 0 for each in costs),
        constant_bytes=37_888,
    )


def plan(**changes: object) -> Plan:
    """One segment of three ops; a convolution, an add and two softmaxes on the host."""
    fused = {"segment": "npu_0", "composite": "npu.conv2d_bias_relu"}
    taken = (
        op("conv1", "nn.conv2d", 118_013_952, **fused),
        op("bias1", "add", **fused),
        op("relu1", "nn.relu", **fused),
        op("pool1", "nn.max_pool2d", segment="npu_0"),
    )
    host = (
        op("conv2", "nn.conv2d", 40_000_000, refusals=(SHARED, KERNEL)),
        op("add2", "add", refusals=(SHARED,)),
        op("soft1", "nn.softmax", refusals=(NO_ROW,)),
        op("soft2", "nn.softmax", None, refusals=(NO_ROW,)),
    )
    fields = {
        "byoc": "0.1.0",
        "model": "zoo:small",
        "vendors": ("npu",),
        "options": OPTIONS,
        "segments": (segment(0, taken),),
        "ops": taken + host,
        "notes": (),
        "verified": True,
    }
    return Plan(**{**fields, **changes})  # type: ignore[arg-type]


def partition(
    given: Plan | None = None,
    *,
    notes: tuple[str, ...] = (),
    story: tuple[tuple[str, tuple[Event, ...]], ...] = (),
) -> Partition:
    """What the pipeline returns for `given` (`plan()` by default), without a module."""
    given = given or plan()
    model = Model(given.model, IRModule(), notes=notes)
    return Partition(model, IRModule(), given, {"import": 0.21, "match": 0.0123456789}, story)
