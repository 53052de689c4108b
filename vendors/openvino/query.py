"""Query: which regions OpenVINO's CPU plugin takes, asked of itself."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import byoc
from byoc.vendors.openvino.compiler import DEVICE, properties


def judge(
    regions: Sequence[byoc.Region], opset: int | None, options: Mapping[str, Any]
) -> list[byoc.Refusal | None]:
    """One answer a region. All of them are one model with as many parts: asking costs more than answering."""
    import openvino

    core = openvino.Core()
    refusals: list[byoc.Refusal | None] = [None] * len(regions)
    parts: list[tuple[int, Any]] = []
    with tempfile.TemporaryDirectory(prefix="byoc-openvino-") as name:
        for index, region in enumerate(regions):
            try:
                folder = Path(name, str(index))
                folder.mkdir()
                # The plugin looks at shapes and dtypes: weights would be written for nothing.
                path = region.save_onnx(folder, opset, weights=False)
                parts.append((index, core.read_model(path)))
            except Exception as error:  # any region may be one that a frontend does not take
                refusals[index] = _refusal(str(error))
        for index, words in _asked(
            core, parts, properties(options, byoc.this_device()["features"])
        ):
            refusals[index] = _refusal(words)
    return refusals


def _asked(
    core: Any, parts: Sequence[tuple[int, Any]], settings: Mapping[str, Any]
) -> list[tuple[int, str]]:
    """The parts that are refused, each with words; halves are asked again when the whole question fails."""
    if not parts:
        return []
    try:
        supported = _supported(core, parts, settings)
    except RuntimeError as error:
        if len(parts) == 1:
            return [(parts[0][0], str(error))]
        half = len(parts) // 2
        return _asked(core, parts[:half], settings) + _asked(core, parts[half:], settings)
    found = []
    for index, model in parts:
        missing = [node for node in model.get_ops() if node.get_friendly_name() not in supported]
        if missing:
            types = ", ".join(sorted({node.get_type_name() for node in missing}))
            found.append((index, f"the CPU plugin does not execute {types}"))
    return found


def _supported(
    core: Any, parts: Sequence[tuple[int, Any]], settings: Mapping[str, Any]
) -> set[str]:
    """The names of the nodes that the plugin takes. `parts` must live as long as what is made of them."""
    import openvino

    for index, model in parts:
        for place, node in enumerate(model.get_ops()):
            node.set_friendly_name(f"{index}/{place}")
    results = [result for _, model in parts for result in model.get_results()]
    inputs = [parameter for _, model in parts for parameter in model.get_parameters()]
    whole = openvino.Model(results, inputs, "regions")
    return set(core.query_model(whole, DEVICE, dict(settings)))


def _refusal(words: str) -> byoc.Refusal:
    return byoc.Refusal("check", f"OpenVINO: {_last_line(words)}")


def _last_line(words: str) -> str:
    """What an exception of OpenVINO says, below the places it came through and above its advice."""
    lines = [line.strip(" -") for line in words.splitlines()]
    told = [line for line in lines if line and not line.startswith(("To facilitate", "Summary"))]
    return told[-1] if told else "no reason given"
