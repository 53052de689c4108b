"""`byoc repro`: run the bundle of one segment that `byoc compile --keep` left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from byoc.cli._options import byte_count, format_option, positive_seconds
from byoc.errors import UsageError


@click.command("repro", short_help="Run the bundle of a segment.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--vendor-option",
    "given",
    metavar="KEY=VALUE",
    multiple=True,
    help="Set an option of the vendor in place of the bundle's; secret ones are not in it.",
)
@click.option(
    "--min-snr",
    metavar="DB",
    type=float,
    default=30.0,
    show_default=True,
    help="The least signal-to-noise ratio of an output that counts as equal.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=positive_seconds,
    default="600",
    show_default=True,
    help="How long the vendor's compiler may take, and the run.",
)
@click.option(
    "--memory",
    metavar="BYTES",
    type=byte_count,
    help="How much memory the compiler may take (8GiB works).",
)
@format_option
def command(
    folder: Path,
    given: Sequence[str],
    min_snr: float,
    timeout: float,
    memory: int | None,
    form: str,
) -> int:
    """Compile the segment in DIR, a bundle that `byoc compile --keep` left, run it, and compare.

    Its vendor's plugin must be installed; nothing else of the model is needed. Exits with 1 when it does not
    compile, does not run, or computes something else than the host.
    """
    from byoc.cli._terminal import stage_progress, stdout_to_stderr
    from byoc.report.reproduced import repro_json, write_repro

    with stdout_to_stderr(), stage_progress():
        from byoc.codegen.bundle import read_about
        from byoc.codegen.repro import run_repro

        vendor = str(read_about(folder)["vendor"])
        options = _options(given, vendor)
        found = run_repro(folder, options=options, timeout=timeout, memory=memory)
    if form == "json":
        click.echo(json.dumps(repro_json(found, min_snr), indent=2))
    else:
        from byoc.report import console

        write_repro(found, min_snr, console())
    return 0 if found.ok(min_snr) else 1


def _options(given: Sequence[str], vendor: str) -> dict[str, str]:
    """`KEY=VALUE` texts, with the vendor's name before them or not. Raises UsageError."""
    options = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"--vendor-option {text!r}: expected KEY=VALUE, such as chip=big")
        options[key.removeprefix(f"{vendor}.")] = value
    return options
