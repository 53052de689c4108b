"""8 bits: what the npu computes of quantised composites is what ONNX's reference evaluator computes, bit for bit.

The evaluator works in float32 and rounds every product and sum on the way; where that carries a value over the
middle between two steps, its result is one step off. With scales that are powers of two nothing is rounded, and all
three have to be equal: the npu, the evaluator, and the evaluator in float64. With others the npu has to be equal to
float64, as it keeps sums exact and rounds once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from tests.vendors.npu.agreement import feeds
from tests.vendors.npu.families import FAMILIES, Build, Graph
from tests.vendors.npu.whole import outputs, partitioned

QUANTISED = [name for name in FAMILIES if name.startswith("qdq_")]
OPSET = 21
"""The evaluator knows no DequantizeLinear of earlier opsets than 19."""


class Odd(Graph):
    """Scales that are no powers of two."""

    def dq(
        self, value: str, scale: Any = 0.125, zero: Any = 3, dtype: str = "int8", **attrs: Any
    ) -> str:
        return super().dq(value, np.asarray(scale) * 1.0371, zero, dtype, **attrs)

    def q(self, value: str, scale: float = 0.25, zero: int = -5, dtype: str = "int8") -> str:
        return super().q(value, scale * 1.1173, zero, dtype)


def built(build: Build, graph: Graph) -> onnx.ModelProto:
    made = build(graph)
    return graph.model(*((made,) if isinstance(made, str) else made))


def newer(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in an opset that the evaluator knows: there the axes of ReduceMean are an input."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    made.opset_import[0].version = OPSET
    for node in made.graph.node:
        axes = [each for each in node.attribute if each.name == "axes"]
        if node.op_type == "ReduceMean" and axes:
            name = f"{node.name}_axes"
            made.graph.initializer.append(numpy_helper.from_array(np.array(axes[0].ints), name))
            node.attribute.remove(axes[0])
            node.input.append(name)
    return made


def wider(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in float64: scales, and with them everything that is made of them."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for each in made.graph.initializer:
        array = numpy_helper.to_array(each)
        if array.dtype == np.float32:
            each.CopyFrom(numpy_helper.from_array(array.astype(np.float64), each.name))
    return made


def evaluated(model: onnx.ModelProto, given: dict[str, Any]) -> list[Any]:
    with np.errstate(all="ignore"):  # numbers are divided by 0
        return [np.asarray(each) for each in ReferenceEvaluator(model).run(None, given)]


def compared(build: Build, graph: Graph) -> list[tuple[Any, Any, Any]]:
    """Each output: the npu's, the evaluator's, and the evaluator's in float64."""
    model = built(build, graph)
    given = feeds(model)
    partition = partitioned(model)
    assert all(op.segment for op in partition.plan.ops)
    found = outputs(partition, list(given.values()))
    wanted = evaluated(newer(model), given)
    wide = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in given.items()}
    return list(zip(found, wanted, evaluated(wider(newer(model)), wide), strict=True))


def long_sums(graph: Graph) -> str:
    """A convolution of many channels, whose sums float32 does not hold."""
    x = graph.dq(graph.input(1, 96, 64, 64, dtype="uint8"), zero=99, dtype="uint8")
    weight = graph.dq(graph.stored(64, 96, 3, 3), np.full(64, 1 / 9), [0] * 64, axis=0)
    made = graph.node("Conv", x, weight, pads=[1, 1, 1, 1])
    return graph.q(graph.node("Relu", made), 6, 0, "uint8")


def agree(ours: Any, exact: Any) -> None:
    if ours.dtype == np.float32:
        np.testing.assert_allclose(ours, exact, rtol=1e-6, atol=1e-6)
    else:
        np.testing.assert_array_equal(ours, exact)


@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_composites_are_exact(name: str) -> None:
    for ours, theirs, exact in compared(FAMILIES[name], Graph()):
        agree(ours, exact)
        agree(ours, theirs)
    for ours, _, exact in compared(FAMILIES[name], Odd()):
        agree(ours, exact)


def test_long_sums_are_exact() -> None:
    ((ours, theirs, exact),) = compared(long_sums, Odd())
    agree(ours, exact)
    assert len(np.unique(ours)) == 256
    assert (ours != theirs).any()  # rounding on the way is not what happens to be right here
