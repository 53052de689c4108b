"""Diff: find the first segment that computes something else than the model, by giving each the model's values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.errors import ByocError, UsageError
from byoc.manifest import SegmentEntry
from byoc.runtime.borders import Borders
from byoc.runtime.compare import OutputError, compare, reference_words, tensor_error, within
from byoc.runtime.inputs import named
from byoc.runtime.relay import RelayBorders, RelaySource, is_relay

if TYPE_CHECKING:
    from byoc.runtime.artefact import Artefact
    from byoc.runtime.inputs import Given


@dataclass(frozen=True, slots=True)
class SegmentDifference:
    """A segment, run alone on the model's own values.

    `errors` are those of its outputs, `skipped` says in words why there are none, or why some are missing. `nodes`
    are the source nodes it covers.
    """

    name: str
    vendor: str
    nodes: tuple[str, ...]
    errors: tuple[OutputError, ...]
    ok: bool
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """An artefact beside its model.

    `segments` stand in the order in which they run, `outputs` are the errors of the whole model's outputs.
    `reference` says what they were held against, `max_rel` is the tolerance. Errors add up over segments: the
    outputs may leave the tolerance though no segment does by itself.
    """

    reference: str
    max_rel: float
    segments: tuple[SegmentDifference, ...]
    outputs: tuple[OutputError, ...]

    @property
    def first(self) -> SegmentDifference | None:
        """The first segment that leaves the tolerance, None when none does."""
        return next((each for each in self.segments if not each.ok), None)

    @property
    def ok(self) -> bool:
        """Whether every segment that was compared and every output is within the tolerance."""
        return self.first is None and within(self.outputs, self.max_rel)


def diff_outputs(
    model: str,
    artefact: Artefact,
    inputs: Given,
    *,
    max_rel: float = 1e-3,
    step: Callable[[], None] | None = None,
    params: Path | None = None,
    qnn: str | None = None,
) -> Difference:
    """Hold every segment of `artefact`, and its outputs, against `model` (a path or `zoo:NAME`) in onnxruntime.

    Each segment gets the values that the model has at its border, so that the error of one does not reach
    the next (`Borders`). A segment at a value that is none of the model's, and that TVM cannot compute from one
    that is, is skipped, with words. `max_rel` is the tolerance of an error; `step` is called after each segment.

    Relay text (`*.relay`) is converted as it was for the artefact and run by TVM; `params` and `qnn` are those of
    `import_model`, `qnn` the one that the artefact was compiled with when it is None.

    Raises what `Reference` and `Artefact.run` do; a segment that fails by itself is skipped, with its words.
    """
    given = named(str(artefact.path), artefact.inputs, inputs)
    borders = _borders(model, artefact, params, qnn)
    borders.run(given)
    segments = []
    for entry in _in_order(artefact):
        segments.append(_segment(artefact, entry, borders, max_rel))
        if step is not None:
            step()
    outputs = compare(artefact.run(given), borders.outputs)
    return Difference(reference_words(model), max_rel, tuple(segments), tuple(outputs))


def _borders(
    model: str, artefact: Artefact, params: Path | None, qnn: str | None
) -> Borders | RelayBorders:
    if not is_relay(model):
        if params is not None or qnn is not None:
            raise UsageError(f"--params and --qnn go with Relay text; {model} is no *.relay")
        return Borders(model, artefact)
    form = qnn or artefact.plan.get("options", {}).get("qnn", "qdq")
    return RelayBorders(RelaySource(model, params, form), artefact)


def _in_order(artefact: Artefact) -> Sequence[SegmentEntry]:
    """The segments in an order in which they can run: after those whose outputs they read."""
    waiting, ordered = list(artefact.manifest.segments), []
    made = {port.name for each in waiting for port in each.outputs}
    while waiting:
        ready = [e for e in waiting if not any(port.name in made for port in e.inputs)]
        # Host code may lie between segments under names of its own; then the manifest's order stands.
        taken = ready or waiting[:1]
        ordered += taken
        made -= {port.name for each in taken for port in each.outputs}
        waiting = [each for each in waiting if each not in taken]
    return ordered


def _segment(
    artefact: Artefact, entry: SegmentEntry, borders: Borders | RelayBorders, max_rel: float
) -> SegmentDifference:
    def result(errors: Sequence[OutputError], skipped: str) -> SegmentDifference:
        return SegmentDifference(
            entry.name, entry.vendor, entry.nodes, tuple(errors), within(errors, max_rel), skipped
        )

    known = {port.name: borders.of(port) for port in (*entry.inputs, *entry.outputs)}
    unknown = [port.name for port in entry.inputs if known[port.name] is None]
    if unknown:
        return result((), _unknown("input", unknown, borders.why))
    try:
        found = artefact.run_segment(entry.name, [known[port.name] for port in entry.inputs])
    except ByocError as error:
        return result((), str(error))
    errors = []
    for name, array in found.items():
        expected: Any = known[name]
        if expected is not None:
            errors.append(tensor_error(borders.name(name), array, expected))
    missing = [name for name in found if known[name] is None]
    return result(errors, _unknown("output", missing, borders.why) if missing else "")


def _unknown(what: str, names: Sequence[str], why: str) -> str:
    return f"its {what} {', '.join(names)} has no value of that name, dtype and shape in the model{why}"
