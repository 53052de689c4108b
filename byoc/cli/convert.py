"""`byoc convert`: write the Relax module that a model becomes."""

from __future__ import annotations

from pathlib import Path

import click

from byoc.cli._options import params_option, qnn_option, read_shapes, shape_option
from byoc.errors import UsageError

_FORMS = (".py", ".json")


@click.command("convert", short_help="Write a model as a Relax module.")
@click.argument("model")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write: .py for TVMScript, .json for TVM's own serialised form.",
)
@shape_option
@params_option
@qnn_option()
@click.option("--force", is_flag=True, help="Replace FILE when it exists.")
def command(
    model: str,
    output: Path,
    params: Path | None,
    qnn: str,
    shapes: tuple[str, ...],
    force: bool,
) -> None:
    """Write MODEL, Relay text (*.relay), an ONNX file or zoo:NAME, as a Relax module.

    \b
    byoc convert model.relay --params model.params -o model.py
    byoc convert model.relay -o model.json
    """  # noqa: D301  # click wants the backspace itself: it keeps the lines below as they are
    from byoc.cli._output import refuse_unwritable, write_file
    from byoc.cli._terminal import plain_warnings, stdout_to_stderr

    if output.suffix not in _FORMS:
        raise UsageError(f"-o {output}: expected a name that ends in {' or '.join(_FORMS)}")
    refuse_unwritable(output, "-o")
    if output.exists() and not force:
        raise UsageError(
            f"-o {output}: it exists already; name a new file, or use --force to replace it"
        )
    bound, dims = read_shapes(shapes)
    with stdout_to_stderr(), plain_warnings():
        from byoc.frontends import import_model

        module = import_model(model, shapes=bound, dims=dims, params=params, qnn=qnn).module
        if output.suffix == ".json":
            from tvm import ir

            text = ir.save_json(module)
        else:
            text = module.script(show_meta=True)
        write_file(output, text.encode(), "-o")
    click.echo(f"Written to {output}")
