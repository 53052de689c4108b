"""`byoc partition`: partition a model and report what went where, and why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from byoc.cli._options import Choice, count, read_shapes, read_vendor_options
from byoc.errors import UsageError

if TYPE_CHECKING:
    from byoc.pipeline import Partition


@click.command("partition", short_help="Partition a model for one or more vendors.")
@click.argument("model")
@click.option(
    "--vendor",
    "vendors",
    metavar="A",
    multiple=True,
    help="A vendor to ask; several, in order of preference.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write the partitioned module, its constants and the plan to the new folder DIR.",
)
@click.option("--force", is_flag=True, help="Replace DIR when it holds an earlier partition.")
@click.option(
    "--format",
    "form",
    type=Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to report on stdout.",
)
@click.option("--explain", metavar="NODE", help="Tell the whole story of one node of the model.")
@click.option(
    "--shape",
    "shapes",
    metavar="NAME=SHAPE",
    multiple=True,
    help="Bind an input (input=1,3,224,224) or a symbolic dimension (batch=8).",
)
@click.option(
    "--min-ops",
    type=count,
    metavar="N",
    default="0",
    help="Leave segments of fewer ops on the host.",
)
@click.option(
    "--min-macs",
    type=count,
    metavar="N",
    default="0",
    help="Leave segments of fewer MACs on the host (20M works).",
)
@click.option(
    "--merge",
    type=Choice(["fewest", "connected"]),
    default="fewest",
    show_default=True,
    help="Grow segments to be the fewest, or along edges only.",
)
@click.option(
    "--vendor-option",
    "vendor_options",
    metavar="VENDOR.KEY=VALUE",
    multiple=True,
    help="Set an option of a vendor, such as the chip.",
)
def command(
    model: str,
    vendors: tuple[str, ...],
    output: Path | None,
    force: bool,
    form: str,
    explain: str | None,
    shapes: tuple[str, ...],
    min_ops: int,
    min_macs: int,
    merge: Literal["fewest", "connected"],
    vendor_options: tuple[str, ...],
) -> None:
    """Partition MODEL, an ONNX file or zoo:NAME, and report what each vendor takes and why it leaves the rest.

    \b
    byoc partition --vendor npu zoo:resnet50
    byoc partition --vendor npu model.onnx --shape input=1,3,224,224 -o out/
    byoc partition --vendor npu model.onnx --explain Conv_12
    """  # noqa: D301  # click wants the backspace itself: it keeps the lines below as they are
    from byoc.cli._terminal import stage_progress, stdout_to_stderr

    if not vendors:
        raise UsageError(
            "no --vendor given; expected at least one, as in --vendor npu (`byoc vendors list` shows all)"
        )
    if output is not None:
        _refuse_early(output, force)
    shape_of, dims = read_shapes(shapes)
    by_vendor = read_vendor_options(vendor_options, vendors)
    with stdout_to_stderr(), stage_progress() as observer:
        from byoc.pipeline import PartitionOptions, partition_model

        options = PartitionOptions(
            shapes=shape_of,
            dims=dims,
            min_ops=min_ops,
            min_macs=min_macs,
            merge=merge,
            vendor_options=by_vendor,
        )
        partition = partition_model(model, vendors, options, observer=observer, explain=explain)
        if output is not None:
            partition.save(output, force=force)
    _print(partition, form, explain, output)


def _refuse_early(output: Path, force: bool) -> None:
    """Say at once, not after minutes of work, what saving would refuse."""
    try:
        taken = output.exists() and not force
        folder = next(each for each in output.absolute().parents if each.exists())
    except OSError as error:
        raise UsageError(
            f"-o {output}: {error.strerror}; name a folder that can be made"
        ) from error
    if taken:
        raise UsageError(
            f"-o {output}: it exists already; name a new folder, or use --force to replace it"
        )
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        what = "is not writable" if folder.is_dir() else "is no folder"
        raise UsageError(f"-o {output}: {folder} {what}; name a folder that can be made")


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
