"""The report of `byoc run`: what went in and came out, how long it took, and how it compares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.manifest import Manifest
from byoc.report.figures import clean, decibels, duration, number, plural, share
from byoc.report.page import columns, line, paragraph

if TYPE_CHECKING:
    from byoc.runtime.compare import OutputError


@dataclass(frozen=True, slots=True)
class Ran:
    """What `byoc run` did.

    `source` says where the inputs came from. `seconds` has the wall time of each run. `errors` compares the outputs
    with `reference` (a model, and who ran it), None when nobody asked; `note` says what that cannot tell.
    `failures` says which outputs leave the tolerances, in words.
    """

    path: str
    manifest: Manifest
    inputs: Mapping[str, Any]
    source: str
    outputs: Mapping[str, Any]
    seconds: Sequence[float]
    errors: Sequence[OutputError] | None = None
    reference: str = ""
    note: str = ""
    failures: Sequence[str] = field(default=())
    fallbacks: int = 0


def write_run(ran: Ran, out: Console) -> None:
    """Print the report of `ran`."""
    vendors = dict.fromkeys(each.vendor for each in ran.manifest.segments if not each.host)
    on = f" on {', '.join(vendors)}" if vendors else ""
    paragraph(out, Text.assemble((ran.path, "bold"), f": {clean(ran.manifest.model)}{on}"))
    paragraph(out, _times(ran.seconds))
    if ran.fallbacks:
        words = f"{plural(ran.fallbacks, 'segment call')} failed and ran on the host instead"
        paragraph(out, f"{words}; byoc profile shows which", "yellow")
    _tensors(f"Inputs ({ran.source})", ran.inputs, out)
    _tensors("Outputs", ran.outputs, out)
    if ran.errors is not None:
        _errors(ran, out)


def run_json(ran: Ran) -> dict[str, Any]:
    """The JSON document of `ran`.

    Without a comparison `max_abs`, `max_rel` and `snr_db` are null. `snr_db` is null as well where the outputs are
    equal, for JSON has no infinity.
    """
    errors = {each.name: each for each in ran.errors or ()}
    return {
        "ok": not ran.failures,
        "outputs": [
            {**_tensor_json(name, array), **error_json(errors.get(name))}
            for name, array in ran.outputs.items()
        ],
        "seconds": [round(each, 9) for each in ran.seconds],
        "artefact": ran.path,
        "model": ran.manifest.model,
        "inputs": [_tensor_json(name, array) for name, array in ran.inputs.items()],
        "reference": ran.reference or None,
        "note": ran.note or None,
        "failures": list(ran.failures),
        "fallbacks": ran.fallbacks,
    }


def _times(seconds: Sequence[float]) -> str:
    if len(seconds) == 1:
        return f"1 run in {duration(seconds[0])}"
    return (
        f"{len(seconds):,} runs: median {duration(median(seconds))}, fastest {duration(min(seconds))}, "
        f"slowest {duration(max(seconds))}, first {duration(seconds[0])}"
    )


def _tensors(title: str, arrays: Mapping[str, Any], out: Console) -> None:
    line(out, "")
    line(out, title, "bold")
    rows = [("name", "dtype", "shape", "least", "mean", "most")]
    for name, array in arrays.items():
        shape = "x".join(map(str, array.shape)) or "scalar"
        rows.append((clean(name), str(array.dtype), shape, *_range(array)))
    header, *lines = columns(rows, left=3)
    line(out, header, "dim")
    for row in lines:
        line(out, row)


def _range(array: Any) -> tuple[str, str, str]:
    """Least, mean and largest value; what is no number says so."""
    import numpy as np

    if array.size == 0:
        return ("-", "-", "-")
    values = np.asarray(array).astype(np.float64)
    with np.errstate(all="ignore"):
        found = (values.min(), values.mean(), values.max())
    least, mean, most = (number(float(each)) for each in found)
    return (least, mean, most)


def _errors(ran: Ran, out: Console) -> None:
    line(out, "")
    line(out, f"Against {ran.reference}", "bold")
    rows: list[tuple[str, ...]] = [("output", "max abs", "max rel", "SNR", "differing")]
    rows += [error_row(each.name, each) for each in ran.errors or ()]
    header, *lines = columns(rows, left=1)
    line(out, header, "dim")
    for row in lines:
        line(out, row)
    if ran.note:
        paragraph(out, ran.note, "dim")
    for words in ran.failures:
        paragraph(out, words, "bold red")


def error_row(name: str, error: OutputError) -> tuple[str, ...]:
    """The cells of an error: largest absolute and relative difference, signal-to-noise ratio, how many differ."""
    return (
        clean(name),
        number(error.max_abs),
        number(error.max_rel),
        decibels(error.snr_db),
        share(error.differing, error.elements),
    )


def _tensor_json(name: str, array: Any) -> dict[str, Any]:
    return {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}


def error_json(error: OutputError | None) -> dict[str, Any]:
    """An error as JSON has it: what is not finite, and everything of None, is null."""
    if error is None:
        return {"max_abs": None, "max_rel": None, "snr_db": None}
    return {
        "max_abs": _finite(error.max_abs),
        "max_rel": _finite(error.max_rel),
        "snr_db": _finite(error.snr_db),
        "max_elementwise": _finite(error.max_elementwise),
        "differing": error.differing,
        "elements": error.elements,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
