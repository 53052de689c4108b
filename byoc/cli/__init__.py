"""The command line: `byoc SUBCOMMAND`; one module a subcommand, imported only when it is asked for."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from byoc._version import __version__
from byoc.errors import ByocError, nearest

SUBCOMMANDS = {
    "partition": "Partition a model for vendors and report the outcome.",
    "compile": "Compile a model into one file that runs.",
    "convert": "Write a model as a Relax module.",
    "run": "Run a compiled model, and compare it with onnxruntime.",
    "profile": "Say where the time of a compiled model goes.",
    "inspect": "Show what a compiled model holds, and if it may run here.",
    "diff-outputs": "Find the first segment that computes something else.",
    "repro": "Run one segment alone, as compile --keep left it.",
    "cache": "Show or clear the cache of compiled segments.",
    "vendors": "List vendors, show and check their support tables.",
    "zoo": "List and export the models that come with byoc.",
}
"""Each subcommand and its line in `byoc --help`; it is `command` of `byoc.cli.<name>`, dashes as underscores."""

FAILED = 1
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group that imports a subcommand's module when it runs, and turns every error into one message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the subcommands, in the order of `--help`."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand `cmd_name`; None when there is none of that name."""
        if cmd_name not in SUBCOMMANDS:
            return None
        module = importlib.import_module(f"byoc.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; an unknown one is answered with the nearest name, without importing any."""
        name = args[0]
        if not name.startswith("-") and name not in SUBCOMMANDS:
            known = ", ".join(SUBCOMMANDS)
            ctx.fail(f"no subcommand {name!r}{nearest(name, SUBCOMMANDS)} (there are {known})")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the subcommands with the lines known here: `--help` imports none of them."""
        with formatter.section("Subcommands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))

    def main(  # type: ignore[override]  # always exits, as click's own main does in standalone mode
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        """Run, print one message for an error, and exit: 0 done, 1 the work failed, 2 bad usage or input."""
        extra["standalone_mode"] = False
        _prepare_streams()
        try:
            outcome = super().main(args, prog_name or "byoc", **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            _close_quietly()
            sys.exit(FAILED)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            # After an interrupt within an exec of a text (a dataclass was being made, say) CPython ends by SIGINT
            # whatever the code; the next such exec lets it forget.
            exec("")
            sys.exit(INTERRUPTED)
        except Exception as error:
            if os.environ.get("BYOC_TRACEBACK"):
                raise
            message, code = _describe(error)
            click.echo(f"byoc: error: {message}", err=True)
            sys.exit(code)
        sys.exit(outcome if isinstance(outcome, int) else 0)


def _prepare_streams() -> None:
    """Let nothing that is printed fail: a closed stream is opened on nothing, a strange name is escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _describe(error: Exception) -> tuple[str, int]:
    """The one message for `error`, and the exit code."""
    if isinstance(error, ByocError):
        return str(error), error.exit_code
    if isinstance(error, click.ClickException):
        return _usage(error), error.exit_code
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}", FAILED
    lines = str(error).strip().splitlines() or ["(no message)"]
    kind = type(error).__name__
    hint = "this is a defect of byoc; run again with BYOC_TRACEBACK=1 to see where it happened"
    return f"unexpected {kind}: {lines[0][:300]}; {hint}", FAILED


def _usage(error: click.ClickException) -> str:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    return f"{message}\nTry '{context.command_path} --help'."


def _close_quietly() -> None:
    """Point stdout at nothing: the reader went away, and Python would complain of it while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="byoc", message="%(prog)s %(version)s")
def main() -> None:
    """Partition a model for an accelerator, compile it into one file, run and profile it."""
