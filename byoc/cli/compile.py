"""`byoc compile`: partition a model, let the vendors compile their segments, and link one file that runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from byoc.cli._options import Choice, byte_count, format_option, positive_seconds
from byoc.cli._partitioning import Partitioning, partitioning
from byoc.errors import UsageError

if TYPE_CHECKING:
    from byoc.options import CompileOptions


@click.command("compile", short_help="Compile a model into one file that runs.")
@click.argument("model", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The artefact to write, a shared library such as model.so.",
)
@partitioning
@click.option(
    "--plan",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Compile the partition that `byoc partition -o DIR` wrote, instead of a MODEL.",
)
@click.option(
    "--host",
    type=Choice(["onnxruntime", "tvm"]),
    default="onnxruntime",
    show_default=True,
    help="Who runs the heavy ops that no vendor took: onnxruntime, or TVM alone.",
)
@click.option(
    "--target",
    metavar="TARGET",
    default="llvm",
    show_default=True,
    help="TVM's target of the host code.",
)
@click.option(
    "--fallback",
    is_flag=True,
    help="Compile the host version of each segment in, for a driver that fails while it runs.",
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    help="Compile N segments at a time.  [default: one a core]",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=positive_seconds,
    default="600",
    show_default=True,
    help="How long a vendor's compiler may take for one segment.",
)
@click.option(
    "--memory",
    metavar="BYTES",
    type=byte_count,
    help="How much memory it may take (8GiB works).  [default: four fifths of the machine's]",
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Leave a repro bundle of each segment in DIR: see `byoc repro`.",
)
@click.option("--no-cache", is_flag=True, help="Neither read nor write compiled segments.")
@click.option(
    "--cache-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where compiled segments are kept.  [default: see `byoc cache`]",
)
@click.option(
    "--sign",
    metavar="KEY",
    type=click.Path(path_type=Path),
    help="Sign the artefact with the Ed25519 private key in the PEM file KEY.",
)
@click.option("--force", is_flag=True, help="Replace FILE when it exists.")
@format_option
def command(
    model: str | None,
    output: Path,
    how: Partitioning,
    plan: Path | None,
    force: bool,
    form: str,
    **given: Any,
) -> None:
    """Compile MODEL, an ONNX file or zoo:NAME, for the vendors given into one shared library that runs.

    \b
    byoc compile --vendor openvino zoo:resnet50 -o resnet50.so
    byoc compile --vendor qnn --vendor openvino model.onnx -o model.so --fallback
    byoc compile --plan out/ -o model.so
    """  # noqa: D301  # click wants the backspace itself: it keeps the lines below as they are
    from byoc.cli._output import refuse_unwritable
    from byoc.cli._terminal import compile_progress, stdout_to_stderr

    request = _Request(model, how, plan, _Given(**given))
    request.refuse_early()
    refuse_unwritable(output, "-o")
    if output.exists() and not force:
        raise UsageError(
            f"-o {output}: it exists already; name a new file, or use --force to replace it"
        )
    with stdout_to_stderr(), compile_progress() as observer:
        from byoc.compile import compile_model

        source, vendors, options = request.read()
        compiled = compile_model(source, vendors, output, options, observer)
    from byoc.report.compiled import compiled_json, write_compiled

    if form == "json":
        click.echo(json.dumps(compiled_json(compiled, observer.events), indent=2))
        return
    from byoc.report import console

    write_compiled(compiled, observer.events, console(), request.given.keep, how.params)


@dataclass(frozen=True, slots=True)
class _Given:
    """The options that are compilation's own."""

    host: Literal["onnxruntime", "tvm"]
    target: str
    fallback: bool
    jobs: int | None
    timeout: float
    memory: int | None
    keep: Path | None
    no_cache: bool
    cache_dir: Path | None
    sign: Path | None


@dataclass(frozen=True, slots=True)
class _Request:
    """What the command line asks to compile, and how."""

    model: str | None
    how: Partitioning
    plan: Path | None
    given: _Given

    def refuse_early(self) -> None:
        """Say what is wrong before anything is loaded. Raises UsageError."""
        from byoc.cli._output import refuse_taken

        if (self.model is None) == (self.plan is None):
            which = "neither MODEL nor --plan" if self.model is None else "both MODEL and --plan"
            raise UsageError(
                f"{which} given; expected one: a model (`byoc compile --vendor npu model.onnx -o model.so`) or the "
                "folder of a partition (`byoc compile --plan out/ -o model.so`)"
            )
        if self.plan is None:
            self.how.checked()
        else:
            self.how.refuse_given("--plan, whose partition was made already")
        if self.given.keep is not None:
            # Bundles stand beside those of earlier compilations.
            refuse_taken(self.given.keep, force=True, option="--keep")
        if self.given.sign is not None:
            from byoc.signing import read_private_key

            read_private_key(self.given.sign)

    def read(self) -> tuple[Any, tuple[str, ...], CompileOptions]:
        """The source, the vendors and the options of `compile_model`. Raises UsageError or PlanError."""
        from byoc.options import PartitionOptions

        if self.plan is None:
            return self.model, self.how.vendors, self._options(self.how.checked().options)
        from byoc.store import load_partition

        stored = load_partition(self.plan)
        vendors = stored.plan.vendors
        partition = PartitionOptions(vendor_options=self.how.options_of(vendors))
        return stored, vendors, self._options(partition)

    def _options(self, partition: Any) -> CompileOptions:
        from byoc.options import CompileOptions

        given = self.given
        return CompileOptions(
            partition=partition,
            host=given.host,
            target=given.target,
            fallback=given.fallback,
            jobs=given.jobs,
            timeout=given.timeout,
            memory=given.memory,
            cache=not given.no_cache,
            cache_dir=given.cache_dir,
            keep=given.keep,
            sign=given.sign,
        )
