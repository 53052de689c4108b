"""`byoc zoo`: list and export the models that come with byoc."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from byoc.cli._options import format_option
from byoc.cli._output import write_file

if TYPE_CHECKING:
    from byoc.testing.zoo import ZooModel


@click.group(name="zoo")
def command() -> None:
    """List and export the models that come with byoc; on the command line they are zoo:NAME."""


@command.command(name="list")
@format_option
def list_models(form: str) -> None:
    """List the models, and what to install for those that another package ships."""
    from byoc.testing import zoo

    models = [zoo.describe(name) for name in zoo.names()]
    if form == "json":
        click.echo(json.dumps([_record(model) for model in models], indent=2))
        return
    width = max(len(model.name) for model in models)
    for model in models:
        note = "" if model.available else f" [{_install(model)}]"
        click.echo(f"{model.name:{width}}  {model.summary}{note}")


@command.command(name="export")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The ONNX file to write; it is replaced when it exists.",
)
def export(name: str, output: Path) -> None:
    """Write the model NAME as one ONNX file."""
    from byoc.testing import zoo

    data = zoo.load(name.removeprefix("zoo:")).SerializeToString(deterministic=True)
    write_file(output, data, "--output")
    click.echo(f"{output}: {name}, {output.stat().st_size:,} bytes", err=True)


def _record(model: ZooModel) -> dict[str, object]:
    return {
        "name": model.name,
        "summary": model.summary,
        "inputs": [
            {"name": each.name, "shape": list(each.shape), "dtype": each.dtype}
            for each in model.inputs
        ],
        "package": model.shipped.distribution if model.shipped else "onnx",
        "available": model.available,
    }


def _install(model: ZooModel) -> str:
    return f"pip install --no-deps {model.shipped.distribution}" if model.shipped else ""
