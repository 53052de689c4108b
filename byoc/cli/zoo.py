"""`byoc zoo`: list and export the models that come with byoc."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from byoc.cli._options import Choice
from byoc.errors import UsageError

if TYPE_CHECKING:
    from byoc.testing.zoo import ZooModel


@click.group(name="zoo")
def command() -> None:
    """List and export the models that come with byoc; on the command line they are zoo:NAME."""


@command.command(name="list")
@click.option("--format", "form", type=Choice(["text", "json"]), default="text")
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

    _write(output, zoo.load(name.removeprefix("zoo:")).SerializeToString(deterministic=True))
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


def _write(path: Path, data: bytes) -> None:
    """Write `data` to `path` all at once: a failure leaves what was there. Raises UsageError."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write {str(path)!r}: {error.strerror}; give --output a file in a folder that exists "
        "and is writable"
    )
