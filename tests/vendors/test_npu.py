"""The npu vendor: what it takes of every zoo model, and the words with which it refuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byoc.errors import UsageError
from byoc.partition.plan import Plan
from byoc.pipeline import Partition, PartitionOptions, partition_model
from byoc.plugins import Plugins
from byoc.support import load_table
from byoc.testing import zoo
from byoc.vendors.npu import hardware
from tests.partition.build import const, module, weight

ROOT = Path(__file__).parents[2]
SLOW = {"vgg19", "alexnet", "zfnet512", "densenet121"}


def documented() -> dict[str, tuple[int, int, int]]:
    """The table of docs/npu.md: percent of ops, percent of MACs, segments."""
    lines = (ROOT / "docs" / "npu.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    return {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in cells if row[1].isdigit()}


def share(plan: Plan, of_macs: bool) -> int:
    """The percentage that is offloaded."""
    weights = [(op.macs or 0 if of_macs else 1, bool(op.segment)) for op in plan.ops]
    total = sum(each for each, _ in weights)
    return round(100 * sum(each for each, taken in weights if taken) / max(total, 1))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in zoo.names()]
)
def test_coverage_of_the_zoo_is_as_documented(name: str) -> None:
    if not zoo.describe(name).available:
        pytest.skip(f"{name} needs a package that is not installed")
    plan = partition_model(f"zoo:{name}", ["npu"]).plan
    assert plan.verified
    assert all(op.refusals for op in plan.ops if not op.segment)
    found = (share(plan, of_macs=False), share(plan, of_macs=True), len(plan.segments))
    assert found == documented()[name]


def test_every_zoo_model_is_documented() -> None:
    assert tuple(documented()) == zoo.names()


def composites(plan: Plan) -> Counter[str]:
    return Counter(name for segment in plan.segments for name in segment.composites)


def test_resnet50_is_convolutions_with_everything_around_them() -> None:
    found = composites(partition_model("zoo:resnet50", ["npu"]).plan)
    assert found["npu.conv2d_act"] == 33
    assert found["npu.conv2d_residual"] == 16
    assert found["npu.conv2d"] == 4


def test_the_transformer_is_fused_as_a_transformer() -> None:
    found = composites(partition_model("zoo:transformer", ["npu"]).plan)
    assert found["npu.attention"] == 4
    assert found["npu.matmul_gelu"] == 4
    assert found["npu.matmul_residual"] == 8
    assert found["npu.layer_norm"] == 9


def test_int8_stays_int8() -> None:
    partition = partition_model("zoo:qdq_cnn", ["npu"])
    found = composites(partition.plan)
    assert found["npu.conv2d.qdq"] == 8
    assert found["npu.add.qdq"] == 3
    assert found["npu.matmul_act.qdq"] == 1
    single = [op.op for op in partition.plan.ops if op.op in ("quantize", "dequantize")]
    assert (single[0], single[-1]) == ("quantize", "dequantize")
    assert sum(found.values()) == 15
    assert partition.plan.segments[0].ops == len(partition.plan.ops)


def test_an_onnx_operator_is_taken_or_refused_under_its_own_name() -> None:
    found = composites(partition_model("zoo:inception_v1", ["npu"]).plan)
    assert found["npu.onnx.LRN"] == 2
    if zoo.describe("silero-vad-16k-op15").available:
        plan = partition_model("zoo:silero-vad-16k-op15", ["npu"]).plan
        (lstm,) = (op for op in plan.ops if op.op == "onnx.LSTM")
        assert [each.message for each in lstm.refusals] == [
            "the chip keeps no state from one step to the next"
        ]


IMAGE = (1, 16, 32, 32)


def partition(nodes: list[Any], *inputs: tuple[int | str, ...], **options: str) -> Partition:
    chosen = PartitionOptions(vendor_options={"npu": options} if options else {})
    return partition_model(module(nodes, inputs=inputs or (IMAGE,)), ["npu"], chosen)


def words(nodes: list[Any], *inputs: tuple[int | str, ...], **options: str) -> str:
    """What the npu says against the last node; "" when it takes it."""
    last = partition(nodes, *inputs, **options).plan.ops[-1]
    return " / ".join(each.message for each in last.refusals)


@pytest.mark.parametrize(
    ("kernel", "keywords", "expected"),
    [
        ((32, 16, 3, 3), {}, ""),
        ((32, 16, 11, 11), {"strides": (4, 4)}, ""),
        ((32, 16, 3, 3), {"strides": (3, 7)}, ""),
        ((32, 16, 3, 3), {"padding": (4, 4)}, ""),
        ((32, 16, 3, 3), {"dilation": (5, 5)}, ""),
        ((16, 1, 3, 3), {"groups": 16}, ""),
        ((32, 1, 3, 3), {"groups": 16}, ""),
        ((24, 2, 1, 1), {"groups": 8}, ""),
        ((8, 16, 32, 32), {}, "a quarter of the scratchpad must hold the kernels of one step"),
        ((8, 16, 3, 3), {"dilation": (31, 31)}, "must hold what one pixel is made of"),
        ((32, 16, 3, 3), {"padding": (40000, 0)}, "a transfer adds padding"),
        ((3, 3, 16, 32), {"kernel_layout": "HWIO"}, "weight has layout HWIO"),
    ],
)
def test_convolution(kernel: tuple[int, ...], keywords: dict[str, Any], expected: str) -> None:
    said = words([("conv2d", [0, weight(*kernel)], keywords)])
    assert expected in said
    assert bool(said) == bool(expected)


def test_a_convolution_with_weights_from_an_activation_stays_on_the_host() -> None:
    said = words([("conv2d", [0, 1])], IMAGE, (32, 16, 3, 3))
    assert "weight is not a constant" in said


def test_an_unknown_extent_is_refused_as_dynamic() -> None:
    nodes = [("conv2d", [0, weight(32, 16, 3, 3)])]
    refusals = partition(nodes, (1, 16, "height", 32)).plan.ops[-1].refusals
    assert "dynamic" in {each.code for each in refusals}


def test_limits_are_those_of_the_chip() -> None:
    grouped = [("conv2d", [0, weight(16, 512, 3, 3)], {"groups": 2})]
    shape = (1, 1024, 8, 8)
    assert "must hold the kernels of one step" in words(grouped, shape)
    assert words(grouped, shape, chip="large") == ""
    assert "must hold eight rows" in words([("softmax", [0])], (4, 9000), chip="small")
    assert words([("softmax", [0])], (4, 9000)) == ""


@pytest.mark.parametrize(
    ("nodes", "shape", "expected"),
    [
        ([("softmax", [0], {"axis": 1})], (4, 40000), "must hold eight rows"),
        ([("softmax", [0], {"axis": 1})], (4, 8, 3), "the vector unit reduces rows"),
        ([("softmax", [0], {"axis": -1})], (4, 8, 3), ""),
        ([("nn.max_pool2d", [0], {"pool_size": (9, 9)})], IMAGE, ""),
        ([("nn.max_pool2d", [0], {"dilation": (2, 2)})], IMAGE, "the pooling window has no gaps"),
        ([("mean", [0], {"axis": [1]})], IMAGE, "only whole planes are averaged"),
        ([("mean", [0], {"axis": [2, 3]})], IMAGE, ""),
        ([("take", [0, const([1], "int64")], {"axis": 0})], (4, 8), "reads no addresses"),
        ([("matmul", [0, weight(8, 4)])], (3, 8), ""),
        ([("matmul", [0, weight(8)])], (3, 8), "batches of one operand are not repeated"),
        ([("matmul", [0, weight(5, 8, 4)])], (3, 8), "batches of one operand are not repeated"),
        ([("matmul", [0, weight(5, 8, 4)])], (5, 3, 8), ""),
    ],
)
def test_other_ops(nodes: list[Any], shape: tuple[int, ...], expected: str) -> None:
    said = words(nodes, shape)
    assert expected in said
    assert bool(said) == bool(expected)


def test_light_ops_go_only_beside_others() -> None:
    alone = [("relu", [0]), ("add", [1, 0])]
    assert "only in one segment with other ops" in words(alone)
    beside = [("relu", [0]), ("nn.max_pool2d", [1]), ("add", [2, 2])]
    assert partition(beside).plan.segments[0].ops == 3


def bias(value: Any, features: int) -> Any:
    return np.full((1, features, 1, 1), value, "float32")


def test_a_bias_that_is_no_bias_is_left_out_of_the_composite() -> None:
    rows = np.zeros((1, 1, 32, 32), "float32")
    nodes = [("conv2d", [0, weight(16, 16, 1, 1)]), ("add", [1, rows]), ("relu", [2])]
    found = composites(partition(nodes).plan)
    assert found == Counter({"npu.conv2d": 1})
    nodes[1] = ("add", [1, bias(0.5, 16)])
    assert composites(partition(nodes).plan) == Counter({"npu.conv2d_act": 1})


def test_a_shortcut_is_added_only_element_by_element() -> None:
    nodes = [("conv2d", [0, weight(16, 16, 1, 1)]), ("add", [2, 1]), ("relu", [3])]
    taken = partition(nodes, IMAGE, IMAGE).plan
    assert composites(taken) == Counter({"npu.conv2d_residual": 1})
    broadcast = partition(nodes, IMAGE, (1, 16, 1, 1)).plan
    assert "npu.conv2d_residual" not in composites(broadcast)


def test_hard_swish_after_a_convolution() -> None:
    nodes = [
        ("conv2d", [0, weight(16, 16, 3, 3)]),
        ("add", [1, 3.0]),
        ("clip", [2], {"min": 0, "max": 6}),
        ("multiply", [1, 3]),
        ("divide", [4, 6.0]),
    ]
    assert composites(partition(nodes).plan) == Counter({"npu.conv2d_hardswish": 1})


def test_the_chips() -> None:
    plugins = Plugins.discover()
    for chip in hardware.chips():
        bound = plugins.spec("npu", {"chip": chip}).bind({"chip": chip})
        assert bound is not None
        assert bound.hardware["scratchpad"] == hardware.load(chip).scratchpad
        assert None not in bound.hardware.values()
    described = plugins.spec("npu").options["properties"]["chip"]
    assert set(described["enum"]) == set(hardware.chips())
    assert described["default"] == "medium"


def test_an_unknown_chip_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError, match="chip"):
        partition([("relu", [0])], chip="huge")


def test_every_refusal_of_the_table_says_why() -> None:
    table = load_table(ROOT / "vendors" / "npu" / "support.yaml")
    plain = table.source.plain()
    entries = [(name, row) for name, rows in plain["ops"].items() for row in _listed(rows)]
    entries += list(plain["patterns"].items())
    for name, row in entries:
        for rule in row.get("when", []):
            assert rule.get("because"), (name, rule)


def _listed(rows: Any) -> list[Any]:
    return rows if isinstance(rows, list) else [rows]
