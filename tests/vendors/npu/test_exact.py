"""8 bits: what the npu computes of quantised composites is what ONNX's reference evaluator computes, bit for bit.

The evaluator works in float32 and rounds every product and sum on the way; where that carries a value over the
middle between two steps, its result is one step off the exact one. With scales that are powers of two nothing is
rounded, and everything has to be equal. With others the graph is evaluated in float64 too, and the npu may side
with either where they differ.
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
    x = graph.dq(graph.input(1, 96, 12, 12, dtype="uint8"), zero=99, dtype="uint8")
    weight = graph.dq(graph.stored(40, 96, 3, 3), 2.0 ** -np.arange(40) / 9, [0] * 40, axis=0)
    made = graph.node("Conv", x, weight, pads=[1, 1, 1, 1])
    return graph.q(graph.node("Relu", made), 1.5, 0, "uint8")


def differing(compared: list[tuple[Any, Any, Any]]) -> int:
    """How many elements equal neither; floats may differ by their rounding."""
    count = 0
    for ours, theirs, exact in compared:
        if ours.dtype == np.float32:
            assert np.allclose(ours, exact, rtol=1e-6, atol=1e-6)
        else:
            count += np.count_nonzero((ours != theirs) & (ours != exact))
    return count


@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_composites_are_exact(name: str) -> None:
    for ours, theirs, exact in compared(FAMILIES[name], Graph()):
        if ours.dtype == np.float32:
            assert np.allclose(ours, exact, rtol=1e-6, atol=1e-6)
        else:
            assert np.array_equal(ours, theirs)
            assert np.array_equal(ours, exact)
    assert differing(compared(FAMILIES[name], Odd())) == 0


def test_long_sums_are_exact() -> None:
    assert differing(compared(long_sums, Odd())) == 0
