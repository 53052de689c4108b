"""`byoc diff-outputs`: find the first segment of an artefact that computes something else than the model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from byoc.cli._loading import Loading, loading
from byoc.cli._options import format_option, params_option, qnn_option


@click.command("diff-outputs", short_help="Find the first segment that computes something else.")
@click.argument("model")
@click.argument("artefact", type=click.Path(path_type=Path))
@loading
@click.option(
    "--max-rel",
    metavar="X",
    type=click.FloatRange(min=0),
    default=1e-3,
    show_default=True,
    help="The tolerance: the largest difference, relative to the tensor's largest magnitude.",
)
@params_option
@qnn_option(None)
@format_option
def command(
    model: str,
    artefact: Path,
    how: Loading,
    max_rel: float,
    params: Path | None,
    qnn: str | None,
    form: str,
) -> int:
    """Run each segment of ARTEFACT on the inputs that MODEL has there, and hold its outputs against MODEL's.

    MODEL, an ONNX file or zoo:NAME, runs in onnxruntime, Relay text (*.relay) in TVM, as byoc converts it; no
    vendor need help. Exits with 1 when a segment or an output leaves the tolerance.

    \b
    byoc diff-outputs model.onnx model.so
    byoc diff-outputs zoo:qdq_cnn model.so --max-rel 0.05
    """  # noqa: D301  # click wants the backspace itself: it keeps the lines below as they are
    from byoc.cli._terminal import plain_warnings, stdout_to_stderr, step_progress
    from byoc.report.difference import difference_json, write_difference

    with stdout_to_stderr(), plain_warnings(), how.load(artefact) as loaded:
        from byoc.runtime.diff import diff_outputs

        inputs, source = how.inputs(loaded)
        with step_progress("diff", len(loaded.manifest.segments)) as step:
            found = diff_outputs(
                model, loaded, inputs, max_rel=max_rel, step=step, params=params, qnn=qnn
            )
    if form == "json":
        click.echo(json.dumps(difference_json(str(artefact), model, source, found), indent=2))
    else:
        from byoc.report import console

        write_difference(str(artefact), model, source, found, console())
    return 0 if found.ok else 1
