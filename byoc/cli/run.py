"""`byoc run`: run an artefact, and hold its outputs against onnxruntime."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc.cli._loading import Loading, loading
from byoc.cli._options import format_option, params_option, qnn_option
from byoc.errors import UsageError

if TYPE_CHECKING:
    from byoc.report.running import Ran
    from byoc.runtime import Artefact
    from byoc.runtime.compare import OutputError


@click.command("run", short_help="Run an artefact.")
@click.argument("artefact", type=click.Path(path_type=Path))
@loading
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the outputs to the .npz FILE; it is replaced when it exists.",
)
@click.option(
    "--compare",
    metavar="MODEL",
    help="Run MODEL on the same inputs and compare: ONNX in onnxruntime, Relay text in TVM.",
)
@params_option
@qnn_option(None)
@click.option(
    "--max-rel",
    metavar="X",
    type=click.FloatRange(min=0),
    help="Fail (exit 1) when an output differs by more, relative to its largest magnitude.",
)
@click.option(
    "--min-snr",
    metavar="DB",
    type=float,
    help="Fail (exit 1) when an output's signal-to-noise ratio is less.",
)
@click.option(
    "--repeat",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Run N times, to see how long it takes.",
)
@format_option
def command(
    artefact: Path,
    how: Loading,
    output: Path | None,
    compare: str | None,
    params: Path | None,
    qnn: str | None,
    max_rel: float | None,
    min_snr: float | None,
    repeat: int,
    form: str,
) -> int:
    """Run ARTEFACT, a file that `byoc compile` wrote, on given inputs or on random ones.

    \b
    byoc run model.so --input image=cat.npy --output out.npz
    byoc run model.so --compare model.onnx --max-rel 1e-4
    byoc run model.so --repeat 100 --threads 1
    """  # noqa: D301  # click wants the backspace itself: it keeps the lines below as they are
    from byoc.cli._output import refuse_unwritable, write_file
    from byoc.cli._terminal import plain_warnings, stdout_to_stderr, step_progress

    limits = _Limits(max_rel, min_snr)
    if compare is None:
        limits.refuse_given()
        if params is not None:
            raise UsageError("--params belongs to a Relay model; name one with --compare")
        if qnn is not None:
            raise UsageError("--qnn belongs to a Relay model; name one with --compare")
    if output is not None:
        refuse_unwritable(output, "--output")
    with stdout_to_stderr(), plain_warnings():
        with how.load(artefact) as loaded, step_progress("run", repeat) as step:
            ran = _run(loaded, how, repeat, step)
            if compare is not None:
                form_of = qnn or loaded.plan.get("options", {}).get("qnn", "qdq")
                ran = _compared(ran, compare, limits, params, form_of)
        if output is not None:
            from byoc.cli._arrays import archive_bytes

            write_file(output, archive_bytes(ran.outputs), "--output")
    _print(ran, form, output)
    return 1 if ran.failures else 0


_SAME_CONVERSION = (
    "Both sides run what byoc made of the Relay text: this says how vendors and host code compute it, not whether "
    "it was converted rightly. The same network as ONNX, given to --compare, says that."
)


@dataclass(frozen=True, slots=True)
class _Limits:
    """The tolerances of a comparison."""

    max_rel: float | None
    min_snr: float | None

    def refuse_given(self) -> None:
        """Raise UsageError for a tolerance without anything to compare with."""
        given = {"--max-rel": self.max_rel, "--min-snr": self.min_snr}
        for option, value in given.items():
            if value is not None:
                raise UsageError(f"{option} says how far from a model; name one with --compare")

    def failures(self, errors: Sequence[OutputError]) -> list[str]:
        """Which outputs leave the tolerances, in words. A NaN is outside of any."""
        words = []
        for each in errors:
            if each.words:
                words.append(f"{each.name} cannot be compared: it is {each.words}")
                continue
            if self.max_rel is not None and not each.max_rel <= self.max_rel:
                words.append(
                    f"{each.name}: the relative error {each.max_rel:.3g} is more than --max-rel {self.max_rel:g}"
                )
            if self.min_snr is not None and not each.snr_db >= self.min_snr:
                words.append(
                    f"{each.name}: the signal-to-noise ratio {each.snr_db:.1f} dB is less than --min-snr "
                    f"{self.min_snr:g}"
                )
        return words


def _run(artefact: Artefact, how: Loading, repeat: int, step: Any) -> Ran:
    from byoc.report.running import Ran

    inputs, source = how.inputs(artefact)
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        outputs = artefact.run(inputs)
        seconds.append(time.perf_counter() - start)
        step()
    return Ran(
        path=str(artefact.path),
        manifest=artefact.manifest,
        inputs=inputs,
        source=source,
        outputs=outputs,
        seconds=seconds,
        fallbacks=sum(each.fallbacks for each in artefact.stats().segments),
    )


def _compared(ran: Ran, model: str, limits: _Limits, params: Path | None, qnn: str) -> Ran:
    from dataclasses import replace

    from byoc.runtime.compare import compare, reference_outputs, reference_words
    from byoc.runtime.relay import in_order, is_relay

    # The same network in the other language has names of its own.
    crossed = is_relay(model) != is_relay(ran.manifest.model)
    expected = reference_outputs(model, ran.inputs, params, qnn, ordered=crossed)
    if crossed:
        expected = in_order(expected, list(ran.outputs))
    note = _SAME_CONVERSION if is_relay(model) and not crossed else ""
    errors = compare(ran.outputs, expected)
    return replace(
        ran,
        errors=errors,
        reference=reference_words(model),
        note=note,
        failures=limits.failures(errors),
    )


def _print(ran: Ran, form: str, output: Path | None) -> None:
    from byoc.report import console
    from byoc.report.running import run_json, write_run

    if form == "json":
        click.echo(json.dumps(run_json(ran), indent=2))
        return
    out = console()
    write_run(ran, out)
    if output is not None:
        from rich.text import Text

        # A path is copied: it is neither wrapped nor read as markup.
        out.print(Text(f"Outputs written to {output}", "green"), soft_wrap=True)
