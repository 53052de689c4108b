"""`byoc profile`: say where the time of an artefact goes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from byoc.cli._loading import Loading, loading
from byoc.cli._options import format_option
from byoc.errors import UsageError


@click.command("profile", short_help="Say where the time of an artefact goes.")
@click.argument("artefact", type=click.Path(path_type=Path))
@loading
@click.option(
    "--repeat",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many runs to measure.",
)
@click.option(
    "--warmup",
    metavar="N",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="How many runs to leave out before: the first opens the drivers.",
)
@click.option(
    "--trace",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write every call of one more run to FILE, for chrome://tracing or Perfetto.",
)
@click.option(
    "--roofline",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a page (HTML) with the roofline of each segment whose driver counts cycles to FILE.",
)
@format_option
def command(
    artefact: Path,
    how: Loading,
    repeat: int,
    warmup: int,
    trace: Path | None,
    roofline: Path | None,
    form: str,
) -> None:
    """Run ARTEFACT and tell host and segments apart: share of the time, calls, bytes across the borders.

    \b
    byoc profile model.so --threads 1
    byoc profile model.so --repeat 100 --trace trace.json
    byoc profile model.so --roofline roofline.html
    """  # noqa: D301  # click wants the backspace itself: it keeps the lines below as they are
    from byoc.cli._output import refuse_unwritable, write_file
    from byoc.cli._terminal import plain_warnings, stdout_to_stderr, step_progress
    from byoc.report.profile import profile_json, write_profile

    if trace is not None:
        refuse_unwritable(trace, "--trace")
    if roofline is not None:
        refuse_unwritable(roofline, "--roofline")
    with stdout_to_stderr(), plain_warnings(), how.load(artefact) as loaded:
        from byoc.runtime.profile import profile

        inputs, source = how.inputs(loaded)
        with step_progress(f"{warmup + repeat + 1} runs"):
            found = profile(loaded, inputs, repeat=repeat, warmup=warmup)
    if roofline is not None and not found.devices:
        raise UsageError(
            f"--roofline {roofline}: no driver of {artefact} counts cycles; compile for a vendor whose driver "
            "does, such as npu"
        )
    if trace is not None:
        text = json.dumps(found.to_chrome_trace())
        write_file(trace, text.encode("utf-8"), "--trace")
    if roofline is not None:
        from byoc.report.device import roofline_page

        write_file(roofline, roofline_page(found).encode("utf-8"), "--roofline")
    if form == "json":
        click.echo(json.dumps(profile_json(found, source, warmup), indent=2))
        return
    from rich.text import Text

    from byoc.report import console

    out = console()
    write_profile(found, source, warmup, out)
    if trace is not None:
        out.print(Text(f"Trace written to {trace}", "green"), soft_wrap=True)
    if roofline is not None:
        out.print(Text(f"Roofline written to {roofline}", "green"), soft_wrap=True)
