"""Compile and run segments through a plugin's hooks, as codegen and runtime would, and hold them to a reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import onnxruntime
from onnx.reference import ReferenceEvaluator
from tvm import IRModule

from byoc.device import this_device
from byoc.options import PartitionOptions
from byoc.pipeline import partition_model
from byoc.region import Region
from byoc.runtime.tensors import to_tensor
from byoc.spec import option_values
from tests.vendors.cases import FLOATS, Case, inputs, numpy_dtype, program

TOLERANCE = {"float64": 1e-6, "float16": 5e-3, "bfloat16": 3e-2}


class Source:
    """An ONNX model where a hook expects a segment."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def to_onnx(self, opset: int | None = None) -> Any:
        return self.model


@cache
def spec_of(plugin: Any) -> Any:
    return plugin.byoc_vendor_spec()


def table_ops(plugin: Any, known: Iterable[str], dtype: str, **options: str) -> list[str]:
    """Those of the Relax ops `known` that the table's rows take with their first input, or the rest, of `dtype`."""
    rows = spec_of(plugin).table.source.plain()
    default = rows.get("defaults", {}).get("dtypes", [])
    return [name for name in known if _takes(rows["ops"].get(name), default, dtype)]


def _takes(row: Any, default: list[str], dtype: str) -> bool:
    if isinstance(row, list):
        return any(_takes(each, default, dtype) for each in row)
    if row is None:
        return False
    first = next(
        (each["dtypes"] for each in row.get("inputs", {}).values() if "dtypes" in each), None
    )
    stated = row.get("dtypes", default)
    if any(each.startswith("(") for each in stated) or ("dtypes" not in row and first):
        return dtype in (first or [each[1:].split(",")[0] for each in stated])
    return dtype in stated


def native_session(model: Any) -> Any:
    """A session without optimisations: what the model says, whatever the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def values(plugin: Any, **given: str) -> dict[str, Any]:
    """All options of `plugin`, those in `given` as the command line would have them; one thread."""
    return option_values(spec_of(plugin), {"threads": "1", **given})


def blob_of(plugin: Any, source: Any, **options: str) -> Any:
    spec = spec_of(plugin)
    return plugin.byoc_codegen(spec.name, source, spec, values(plugin, **options))


def opened(plugin: Any, blob: Any, **options: str) -> Any:
    return plugin.byoc_load(spec_of(plugin).name, blob, values(plugin, **options))


def call(executor: Any, data: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
    """Fill `outputs` (arrays) in place; return them."""
    assert (
        executor([to_tensor(each) for each in data], [to_tensor(each) for each in outputs]) is None
    )
    return list(outputs)


def call_dynamic(executor: Any, data: Sequence[Any]) -> list[Any]:
    """What a segment whose output shapes only running tells returns."""
    found = executor([to_tensor(each) for each in data], ())
    return [each if isinstance(each, np.ndarray) else np.from_dlpack(each) for each in found]


def outputs_of(module: IRModule) -> list[Any]:
    """Arrays for the results of `main`, filled with what no op gives."""
    result = module["main"].ty.ret
    types = result.fields if hasattr(result, "fields") else [result]
    return [
        np.full([int(each) for each in ty.shape.values], 113).astype(numpy_dtype(str(ty.dtype)))
        for ty in types
    ]


def taken(
    plugin: Any, chosen: list[tuple[str, Case]], dtype: str, **options: str
) -> list[tuple[str, Case]]:
    """Those of the cases that partitioning gives to `plugin`."""
    name = spec_of(plugin).name
    asked = PartitionOptions(vendor_options={name: options})
    plan = partition_model(program(chosen, dtype), [name], asked).plan
    left = {node.rpartition("_")[0] for op in plan.ops if not op.segment for node in op.nodes}
    return [each for each in chosen if each[0] not in left]


def misfits(
    plugin: Any, chosen: list[tuple[str, Case]], dtype: str, **options: str
) -> dict[str, str]:
    """The cases whose results leave tolerance, compiled together as one segment, each with what differs."""
    module, data = program(chosen, dtype), inputs(chosen, dtype)
    segment = Region(spec_of(plugin).name, "", module["main"])
    executor = opened(plugin, blob_of(plugin, segment, **options))
    found = call(executor, data, outputs_of(module))
    executor.close()
    names = [param.name for param in module["main"].params]
    wanted = ReferenceEvaluator(segment.to_onnx()).run(None, dict(zip(names, data, strict=True)))
    bad = {}
    for (name, _), got, right in zip(chosen, found, wanted, strict=True):
        words = _difference(got, right, dtype)
        if words:
            bad[name] = words
    return bad


def _difference(got: Any, wanted: Any, dtype: str) -> str:
    if got.shape != wanted.shape:
        return f"shape {got.shape}, expected {wanted.shape}"
    left, right = got.astype(np.float64), np.asarray(wanted).astype(np.float64)
    tolerance = TOLERANCE.get(dtype, 1e-5) if got.dtype.name in FLOATS else 0
    close = np.isclose(left, right, rtol=tolerance, atol=tolerance, equal_nan=True)
    if close.all():
        return ""
    at = np.unravel_index(int(np.argmin(close)), close.shape)
    return f"{left[at]} instead of {right[at]} at {at}"


def snr(found: Any, wanted: Any) -> float:
    """Signal to noise in dB."""
    noise = np.square(found.astype(np.float64) - wanted).sum()
    signal = np.square(wanted.astype(np.float64)).sum()
    return float(10 * np.log10(signal / max(noise, 1e-300)))


def device(**changes: Any) -> dict[str, Any]:
    return {**this_device(), **changes}
