"""Five tables written for Relay, their imports changed, on a CNN, a transformer and a quantised CNN."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from byoc.frontends import import_model
from byoc.pipeline import Partition, partition_model

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
    ("cublas", "resnet50"): {"dense": 1},
    ("cublas", "transformer"): {"batch_matmul": 8, "dense": 24},
    ("cublas", "qdq_cnn"): {},
    ("cudnn", "resnet50"): {"conv2d": 53, "softmax": 1},
    ("cudnn", "transformer"): {"softmax": 4},
    ("cudnn", "qdq_cnn"): {},
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


@pytest.mark.parametrize(("vendor", "name"), COMPOSITES)
def test_every_composite_that_applies_appears(installed: None, vendor: str, name: str) -> None:
    partition = partition_model(model(name), [vendor])
    assert partition.plan.verified
    found = Counter(
        each.removeprefix(f"{vendor}.")
        for segment in partition.plan.segments
        for each in segment.composites
    )
    assert found == COMPOSITES[vendor, name]


@pytest.mark.parametrize(
    ("vendor", "name", "op", "row"),
    [
        ("arm_compute_lib", "qdq_cnn", "quantize", "qnn_conv2d"),  # depthwise: groups
        ("tensorrt", "qdq_cnn", "quantize", "nn.max_pool2d"),  # int8
        ("tensorrt", "qdq_cnn", "quantize", "reshape"),
        ("tensorrt", "transformer", "multiply", "multiply"),  # a scalar
    ],
)
def test_checks_refuse_what_they_should(
    installed: None, vendor: str, name: str, op: str, row: str
) -> None:
    partition = partition_model(model(name), [vendor])
    assert f"the check of pattern {vendor}.{row} refuses it" in refused(partition, op)
