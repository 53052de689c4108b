"""Nine tables written for Relay, their imports changed, on a CNN, a transformer and a quantised CNN."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from byoc import relay
from byoc.frontends import import_model
from byoc.pipeline import Partition, partition_model
from tests.relay.test_rewriting import module, ops, same_results

COMPOSITES: dict[tuple[str, str], dict[str, int]] = {
    ("arm_compute_lib", "resnet50"): {
        "conv2d": 53,
        "dense": 1,
        "nn.avg_pool2d": 1,
        "nn.max_pool2d": 1,
        "reshape": 1,
    },
    ("arm_compute_lib", "transformer"): {"dense": 24, "reshape": 16},
    ("arm_compute_lib", "qdq_cnn"): {
        "avg_pool2d": 1,
        "nn.max_pool2d": 1,
        "qnn_add": 3,
        "qnn_conv2d": 7,
        "qnn_dense": 1,
        "reshape": 1,
    },
    ("bnns", "resnet50"): {"dense_bias": 1, "nn.conv2d": 53},
    ("bnns", "transformer"): {"dense_bias": 24, "nn.batch_matmul": 8},
    ("bnns", "qdq_cnn"): {},
    ("cmsisnn", "qdq_cnn"): {
        "qnn_add": 3,
        "qnn_conv2d": 8,
        "qnn_fully_connected": 1,
        "qnn_max_pool2d": 1,
    },
    ("cmsisnn", "transformer"): {},
    ("cublas", "resnet50"): {"dense": 1},
    ("cublas", "transformer"): {"batch_matmul": 8, "dense": 24},
    ("cublas", "qdq_cnn"): {},
    ("cudnn", "resnet50"): {"conv2d": 53, "softmax": 1},
    ("cudnn", "transformer"): {"softmax": 4},
    ("cudnn", "qdq_cnn"): {},
    ("cutlass", "resnet50"): {"dense_bias": 1},
    ("cutlass", "transformer"): {"batch_matmul": 8, "dense_bias": 24},
    ("cutlass", "qdq_cnn"): {},
    ("dnnl", "resnet50"): {
        "add": 16,
        "dense_bias": 1,
        "nn.avg_pool2d": 1,
        "nn.batch_norm": 53,
        "nn.conv2d": 53,
        "nn.max_pool2d": 1,
        "nn.relu": 49,
        "nn.softmax": 1,
    },
    ("dnnl", "transformer"): {
        "add": 13,
        "dense_bias": 20,
        "dense_bias_gelu": 4,
        "multiply": 1,
        "nn.batch_matmul": 8,
        "nn.layer_norm": 9,
        "nn.softmax": 4,
    },
    # oneDNN takes integers in a max_pool2d alone: a legalised form of its own is what its rows name.
    ("dnnl", "qdq_cnn"): {"nn.max_pool2d": 1},
    ("ethosu", "qdq_cnn"): {
        "add": 3,
        "max_pool2d": 1,
        "mean": 1,
        "qnn_conv2d": 7,
        "qnn_depthwise_conv2d": 1,
        "qnn_fc": 1,
        "reshape": 1,
    },
    ("ethosu", "transformer"): {},
    ("tensorrt", "resnet50"): {
        "add": 17,
        "nn.avg_pool2d": 1,
        "nn.batch_norm": 53,
        "nn.conv2d": 53,
        "nn.dense": 1,
        "nn.max_pool2d": 1,
        "nn.relu": 49,
        "nn.softmax": 1,
        "reshape": 1,
    },
    ("tensorrt", "transformer"): {
        "add": 37,
        "divide": 8,
        "erf": 4,
        "multiply": 4,
        "nn.batch_matmul": 8,
        "nn.dense": 24,
        "nn.layer_norm": 9,
        "nn.softmax": 4,
        "reshape": 16,
        "subtract": 1,
        "transpose": 16,
    },
    ("tensorrt", "qdq_cnn"): {},
}


@cache
def model(name: str) -> Any:
    return import_model(f"zoo:{name}")


@pytest.fixture
def installed(relaytables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendors of `tests/plugins/relaytables`, in this process and in the workers that it starts."""
    monkeypatch.syspath_prepend(str(relaytables))


def refused(partition: Partition, op: str) -> set[str]:
    """What the refusals of the host's ops of one kind say."""
    plan = partition.plan
    left = [each for each in plan.ops if each.op == op and not each.segment]
    return {refusal.message for each in left for refusal in each.refusals}


def composites(partition: Partition, vendor: str) -> dict[str, int]:
    """How many of each composite there are."""
    names = [each for segment in partition.plan.segments for each in segment.composites]
    return Counter(each.removeprefix(f"{vendor}.") for each in names)


QUICK = {("bnns", "resnet50"), ("cutlass", "transformer"), ("dnnl", "transformer")}
"""Beside the quantised model, which every table is tried on; the others take a minute."""


@pytest.mark.parametrize(
    ("vendor", "name"),
    [
        pytest.param(*each, marks=() if each in QUICK or each[1] == "qdq_cnn" else pytest.mark.slow)
        for each in COMPOSITES
    ],
)
def test_every_composite_that_applies_appears(installed: None, vendor: str, name: str) -> None:
    partition = partition_model(model(name), [vendor])
    assert partition.plan.verified
    assert composites(partition, vendor) == COMPOSITES[vendor, name]


@pytest.mark.parametrize(
    ("vendor", "name", "op", "row"),
    [
        ("arm_compute_lib", "qdq_cnn", "quantize", "qnn_conv2d"),  # depthwise: groups
        ("tensorrt", "qdq_cnn", "quantize", "nn.max_pool2d"),  # int8
        pytest.param("tensorrt", "qdq_cnn", "quantize", "reshape", marks=pytest.mark.slow),
        ("tensorrt", "transformer", "multiply", "multiply"),  # a scalar
        pytest.param("ethosu", "transformer", "reshape", "reshape", marks=pytest.mark.slow),
    ],
)
def test_checks_refuse_what_they_should(
    installed: None, vendor: str, name: str, op: str, row: str
) -> None:
    partition = partition_model(model(name), [vendor])
    assert f"the check of pattern {vendor}.{row} refuses it" in refused(partition, op)


@pytest.mark.slow
def test_a_table_prepares_the_model_with_its_own_callbacks(installed: None) -> None:
    prepared = import_module("relaytables.dnnl").prepared
    made = relay.rewritten(model("resnet50"), prepared)
    partition = partition_model(made, ["dnnl"])
    assert partition.plan.verified
    assert composites(partition, "dnnl") == {
        "conv2d_bias": 4,
        "conv2d_bias_relu": 33,
        "conv2d_bias_sum_relu": 16,
        "dense_bias": 1,
        "nn.avg_pool2d": 1,
        "nn.max_pool2d": 1,
        "nn.softmax": 1,
    }
    assert made.origins["main"]["r1"] == ("n0", "n1")


def test_a_prepared_model_gives_the_same_results(installed: None) -> None:
    prepared = import_module("relaytables.dnnl").prepared
    text = (
        "c = nn.conv2d(i, w); n = nn.batch_norm(c, P, Q, R, V, axis=1, training=False); "
        "u = n[0]; r = nn.relu(u) -> r"
    )
    made = prepared(module(text))
    assert ops(made) == ["nn.conv2d", "add", "nn.relu"]
    assert same_results(text, made, rtol=1e-4)
