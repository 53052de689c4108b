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
from byoc.vendors import npu
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
    assert all(name.endswith(".qdq") for name in found)
    left = [(op.op, op.nodes) for op in partition.plan.ops if not op.segment]
    assert left == [
        ("quantize", ("data_QuantizeLinear",)),
        ("dequantize", ("fc_output_DequantizeLinear",)),
    ]


def test_an_onnx_operator_is_refused_under_its_own_name() -> None:
    plan = partition_model("zoo:inception_v1", ["npu"]).plan
    left = [op for op in plan.ops if not op.segment]
    lrn = "the vector unit cannot sum over a window of channels"
    assert all(lrn in {each.message for each in op.refusals} for op in left)


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
        ((32, 16, 9, 9), {}, "the array holds kernels of at most 7x7"),
        ((32, 16, 3, 3), {"strides": (3, 3)}, "the address generator steps by 1 or 2"),
        ((32, 16, 3, 3), {"padding": (4, 4)}, "the array adds up to 3 rows or columns of zeros"),
        ((32, 16, 3, 3), {"dilation": (5, 5)}, "the address generator leaves out at most"),
        ((16, 1, 3, 3), {"groups": 16}, ""),
        ((32, 1, 3, 3), {"groups": 16}, "the depthwise mode makes one output channel of each"),
        ((16, 4, 1, 1), {"groups": 4}, "at most 8 groups of at least 16 input channels"),
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


def test_rows_of_the_input_must_fit_sram() -> None:
    wide = [("conv2d", [0, weight(8, 256, 3, 3)])]
    assert words(wide, (1, 256, 8, 128)) == ""
    assert "SRAM must hold" in words(wide, (1, 256, 8, 256))
    assert "SRAM must hold" in words(wide, (1, 256, 8, 128), chip="lite")


@pytest.mark.parametrize(
    ("nodes", "shape", "expected"),
    [
        ([("softmax", [0], {"axis": 1})], (4, 9000), "at most 8192 elements"),
        ([("softmax", [0], {"axis": 1})], (4, 8, 3), "the vector unit reduces rows"),
        ([("softmax", [0], {"axis": -1})], (4, 8, 3), ""),
        ([("nn.max_pool2d", [0], {"pool_size": (9, 9)})], IMAGE, "at most 8x8"),
        ([("mean", [0], {"axis": [1]})], IMAGE, "the reduction unit reduces whole planes"),
        ([("mean", [0], {"axis": [2, 3]})], IMAGE, ""),
        ([("take", [0, const([1], "int64")], {"axis": 0})], (4, 8), "reads no addresses"),
        ([("matmul", [0, weight(8, 4)])], (3, 8), ""),
        ([("matmul", [0, weight(8)])], (3, 8), "layer are a matrix"),
        ([("matmul", [0, weight(5, 8, 4)])], (3, 8), "layer are a matrix"),
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
    spec = plugins.spec("npu")
    standard = spec.bind({})
    lite = plugins.spec("npu", {"chip": "lite"}).bind({"chip": "lite"})
    assert standard is not None and lite is not None
    assert standard.hardware["sram"] == 4 * lite.hardware["sram"]
    assert list(spec.options["properties"]["chip"]["enum"]) == list(npu.CHIPS)


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
