"""Nodes: ONNX's node tests as models that the npu takes where its table claims the operator.

Most operators are taken only beside others: the results of a test are given to a softmax as well, which is taken by
itself. A test runs as it stands, and with all inputs but the first as constants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.frontends.onnx.test_node_cases import arrays, cases, constant_form

TAKEN = {"float32", "int8", "uint8"}


@dataclass(frozen=True)
class NodeTest:
    """A model, its inputs, and what ONNX expects of its first outputs."""

    name: str
    model: onnx.ModelProto
    inputs: list[Any]
    expected: list[Any]


@cache
def node_tests() -> tuple[NodeTest, ...]:
    """Every test of tensors, in its forms."""
    return tuple(_node_tests())


def _node_tests() -> Iterator[NodeTest]:
    for case in cases():
        for place, (inputs, expected) in enumerate(case.data_sets):
            given, wanted = arrays(inputs), arrays(expected)
            if not _is_plain([*given, *wanted]):
                continue
            name = f"{case.name}_{place}" if place else case.name
            yield NodeTest(name, beside_softmax(case.model, wanted), given, wanted)
            constant = constant_form(case.model, given)
            if constant is not None:
                yield NodeTest(
                    f"{name}, constant", beside_softmax(constant, wanted), given[:1], wanted
                )


def beside_softmax(model: onnx.ModelProto, results: list[Any]) -> onnx.ModelProto:
    """The model with a softmax of each result of numbers as a further output."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value, result in zip(model.graph.output, results, strict=False):
        source, array = value.name, np.asarray(result)
        if array.dtype.name not in TAKEN or not array.ndim or not array.size:
            continue
        if array.dtype != np.float32:
            kind = TensorProto.INT8 if array.dtype == np.int8 else TensorProto.UINT8
            scale = helper.make_tensor(f"{source}_beside_scale", TensorProto.FLOAT, [], [0.125])
            zero = helper.make_tensor(f"{source}_beside_zero", kind, [], [3])
            copy.graph.initializer.extend([scale, zero])
            copy.graph.node.append(
                helper.make_node(
                    "DequantizeLinear", [source, scale.name, zero.name], [f"{source}_real"]
                )
            )
            source = f"{source}_real"
        copy.graph.node.append(helper.make_node("Softmax", [source], [f"{source}_beside"], axis=-1))
        copy.graph.output.append(
            helper.make_tensor_value_info(f"{source}_beside", TensorProto.FLOAT, array.shape)
        )
    return copy


def _is_plain(values: list[Any]) -> bool:
    return all(isinstance(each, np.ndarray | np.generic) for each in values) and any(
        np.asarray(each).dtype.name in TAKEN for each in values
    )
