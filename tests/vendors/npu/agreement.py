"""Agreement: what the npu takes of a model, lowered and evaluated, beside what onnxruntime makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np

import byoc
from byoc.vendors.npu.layers import Network
from byoc.vendors.npu.lower import lower
from tests.vendors.npu.reference import evaluate
from tests.vendors.toolchain import native_session

OPSET = 21
SMALL = 0.02
"""What the largest value counts more: onnxruntime's sigmoid is 1e-7 off for results near 0."""

ELEMENTS = {1: np.float32, 2: np.uint8, 3: np.int8}


def segments(model: Any, **options: str) -> tuple[byoc.Segment, ...]:
    """What the npu takes of a model."""
    chosen = byoc.PartitionOptions(vendor_options={"npu": options} if options else {})
    return byoc.partition_model(model, ["npu"], chosen).segments()


def lowered(segment: byoc.Segment) -> Network:
    """The layers of a segment, which has some."""
    network = lower(segment)
    assert isinstance(network, Network), network
    return network


def feeds(model: Any, seed: int = 0) -> dict[str, Any]:
    """Random inputs of an ONNX model: normal numbers, and all 8-bit ones."""
    rng = np.random.default_rng(seed)
    found = {}
    for each in model.graph.input:
        tensor = each.type.tensor_type
        shape = [dim.dim_value for dim in tensor.shape.dim]
        dtype = ELEMENTS[tensor.elem_type]
        if dtype is np.float32:
            found[each.name] = rng.standard_normal(shape).astype(dtype)
        else:
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
            found[each.name] = rng.integers(low, high + 1, shape).astype(dtype)
    return found


def disagreement(
    segment: byoc.Segment, tolerance: float = 1e-5, given: dict[str, Any] | None = None
) -> str:
    """How the layers of a segment differ from onnxruntime, "" for not at all.

    Floats may differ by `tolerance` of the largest value; 8-bit numbers are equal.
    """
    model = segment.to_onnx(OPSET)
    given = feeds(model) if given is None else given
    wanted = native_session(model).run(None, given)
    found = evaluate(lowered(segment), list(given.values()))
    for place, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        words = difference(ours, theirs, tolerance)
        if words:
            return f"{segment.symbol}, output {place}: {words}"
    return ""


def difference(ours: Any, theirs: Any, tolerance: float) -> str:
    """How two arrays differ, "" for not at all."""
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        return f"{ours.dtype}{ours.shape} instead of {theirs.dtype}{theirs.shape}"
    wide, right = ours.astype(np.float64), theirs.astype(np.float64)
    if theirs.dtype != np.float32:
        tolerance = 0.0
    known = np.isfinite(right)
    if not np.array_equal(wide[~known], right[~known], equal_nan=True):
        return "other numbers that are not finite"
    apart = np.abs(wide[known] - right[known]).max(initial=0)
    largest = np.abs(right[known]).max(initial=0)
    if apart > tolerance * (largest + SMALL):
        return f"{apart} apart, the largest being {largest}"
    return ""
