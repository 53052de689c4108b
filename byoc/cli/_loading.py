"""The options that say how an artefact is loaded and what it is run on, declared once for every subcommand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc.cli._options import read_shapes, read_vendor_options
from byoc.errors import UsageError

if TYPE_CHECKING:
    from byoc.runtime import Artefact

_OPTIONS = (
    click.option(
        "--input",
        "given",
        metavar="NAME=FILE",
        multiple=True,
        help="An input, from a .npy file.",
    ),
    click.option(
        "--inputs",
        "archive",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Inputs by name, from a .npz file.",
    ),
    click.option(
        "--seed",
        metavar="N",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="What random inputs are drawn from, when none are given.",
    ),
    click.option(
        "--shape",
        "shapes",
        metavar="NAME=SHAPE",
        multiple=True,
        help="Bind a symbolic dimension (batch=8), or an input's whole shape, of random inputs.",
    ),
    click.option(
        "--threads",
        metavar="N",
        type=click.IntRange(min=1),
        help="Threads of the host code, and of each vendor that has an option of that name.",
    ),
    click.option(
        "--vendor-option",
        "vendor_options",
        metavar="VENDOR.KEY=VALUE",
        multiple=True,
        help="Set a load-time option of a vendor.",
    ),
    click.option(
        "--require-signature",
        "public_key",
        metavar="PUB",
        type=click.Path(path_type=Path),
        help="Refuse unless signed with the partner of the public key in the PEM file PUB.",
    ),
)


@dataclass(frozen=True, slots=True)
class Loading:
    """How to load an artefact and what to run it on, as the command line says it."""

    given: tuple[str, ...]
    archive: Path | None
    seed: int
    shapes: tuple[str, ...]
    threads: int | None
    vendor_options: tuple[str, ...]
    public_key: Path | None

    def load(self, path: Path) -> Artefact:
        """Check and load the artefact. Raises what `byoc.runtime.load` does, and UsageError for wrong texts."""
        shapes, dims = read_shapes(self.shapes)
        if (self.given or self.archive) and (shapes or dims):
            raise UsageError("--shape is for random inputs; given arrays have shapes of their own")
        from byoc.runtime import load

        return load(
            path,
            vendor_options=read_vendor_options(self.vendor_options),
            threads=self.threads,
            require_signature=self.public_key,
        )

    def inputs(self, artefact: Artefact) -> tuple[dict[str, Any], str]:
        """The inputs by name, and in words where they come from."""
        from byoc.cli._arrays import read_inputs
        from byoc.cli._samples import sample_inputs

        if self.given or self.archive:
            return read_inputs(self.given, self.archive, artefact.inputs), "given"
        shapes, dims = read_shapes(self.shapes)
        return sample_inputs(artefact.manifest.model, artefact.inputs, self.seed, shapes, dims)


def loading(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of loading; its function gets them as one argument, `how`."""

    @functools.wraps(function)
    def command(**given: Any) -> Any:
        names = Loading.__dataclass_fields__
        how = Loading(**{name: given.pop(name) for name in names})
        return function(how=how, **given)

    for option in reversed(_OPTIONS):
        option(command)
    return command
