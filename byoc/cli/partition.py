"""`byoc partition`: partition a model and report what went where, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from byoc.cli._options import format_option
from byoc.cli._partitioning import Partitioning, partitioning

if TYPE_CHECKING:
    from byoc.pipeline import Partition


@click.command("partition", short_help="Partition a model for one or more vendors.")
@click.argument("model")
@partitioning
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write the partitioned module, its constants and the plan to the new folder DIR.",
)
@click.option("--force", is_flag=True, help="Replace DIR when it holds an earlier partition.")
@click.option("--estimate", is_flag=True, help="Ask vendors what each segment would cost.")
@click.option("--explain", metavar="NODE", help="Tell the whole story of one node of the model.")
@format_option
def command(
    model: str,
    how: Partitioning,
    output: Path | None,
    force: bool,
    estimate: bool,
    explain: str | None,
    form: str,
) -> None:
    """Partition MODEL, an ONNX file or zoo:NAME, and report what each vendor takes and why it leaves the rest.

    \b
    byoc partition --vendor npu zoo:resnet50
    byoc partition --vendor npu model.onnx --shape input=1,3,224,224 -o out/
    byoc partition --vendor npu model.onnx --explain Conv_12
    """  # noqa: D301  # click wants the backspace itself: it keeps the lines below as they are
    from byoc.cli._output import refuse_taken
    from byoc.cli._terminal import stage_progress, stdout_to_stderr

    checked = how.checked()
    if output is not None:
        refuse_taken(output, force)
    with stdout_to_stderr(), stage_progress() as observer:
        from byoc.pipeline import partition_model

        partition = partition_model(
            model,
            how.vendors,
            replace(checked.options, estimate=estimate),
            observer=observer,
            explain=explain,
        )
        if output is not None:
            partition.save(output, force=force)
    _print(partition, form, explain, output)


def _print(partition: Partition, form: str, explain: str | None, output: Path | None) -> None:
    from byoc.report import console, report, story_json, write_report, write_story

    if form == "json":
        story = {} if explain is None else {"explain": story_json(partition, explain)}
        click.echo(json.dumps({**report(partition), **story}, indent=2))
        return
    out = console()
    if explain is None:
        write_report(partition, out)
    else:
        write_story(partition, explain, out)
    if output is not None:
        from rich.text import Text

        # A path is copied: it is neither wrapped nor read as markup.
        out.print(Text(f"Written to {output}", "green"), soft_wrap=True)
