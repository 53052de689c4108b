"""The command line as a whole: cheap help, one message for every error, exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from byoc._version import __version__
from byoc.cli import SUBCOMMANDS, LazyGroup
from byoc.errors import TableError, UsageError, VerificationError
from tests.conftest import Run


class One(LazyGroup):
    """The group, with one real command in the place of its own."""

    def __init__(self, callback: Callable[[], object]) -> None:
        super().__init__("byoc")
        self.only = click.Command("partition", callback=callback)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.only


def outcome(raised: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    def callback() -> None:
        raise raised

    with pytest.raises(SystemExit) as stopped:
        One(callback).main(["partition"])
    captured = capsys.readouterr()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, captured.out, captured.err


def test_help_names_every_subcommand(byoc: Run) -> None:
    answer = byoc("--help")
    assert answer.returncode == 0
    for name, words in SUBCOMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(words)}$", answer.stdout, re.MULTILINE)


def test_every_subcommand_has_a_help_of_its_own(byoc: Run) -> None:
    for name in SUBCOMMANDS:
        answer = byoc(name, "--help")
        assert answer.returncode == 0
        assert answer.stdout.startswith(f"Usage: byoc {name}")


def test_version(byoc: Run) -> None:
    assert byoc("--version").stdout == f"byoc {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["partition", "--help"]])
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    program = (
        "import json, sys\n"
        "from byoc.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    print(json.dumps(sorted(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    heavy = {"tvm", "onnx", "onnxruntime", "numpy", "rich", "pydantic", "importlib.metadata"}
    # Editable installs load a finder at start-up; what the interpreter has then is not byoc's doing.
    bare = subprocess.run(
        [sys.executable, "-c", "import json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not (loaded - set(json.loads(bare.stdout))) & heavy


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["partion", "x"], "no subcommand 'partion'; did you mean 'partition'?"),
        (["--hlp"], "did you mean"),
        (["partition"], "Missing argument 'MODEL'"),
        (["partition", "m.onnx", "--vendr", "npu"], "did you mean"),
        (["partition", "m.onnx", "--merge", "fewst"], "did you mean 'fewest'?"),
        (["partition", "m.onnx", "--format", "jsno"], "did you mean 'json'?"),
        (["partition", "m.onnx", "--min-ops", "many"], "'many' is no count"),
        (["partition", "m.onnx", "--min-ops", "-3"], "'-3' is no count"),
        (["partition", "m.onnx"], "no --vendor given"),
    ],
)
def test_bad_usage(byoc: Run, arguments: list[str], words: str) -> None:
    answer = byoc(*arguments)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("byoc: error: ")
    assert words.lower() in answer.stderr.lower()
    assert "Traceback" not in answer.stderr


def test_no_arguments_print_the_help(byoc: Run) -> None:
    answer = byoc()
    assert answer.returncode == 2
    assert "Subcommands:" in answer.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("no vendor 'npx'"), 2, "no vendor 'npx'"),
        (TableError("bad", file="a.yaml", line=3, column=7), 2, "a.yaml:3:7: bad"),
        (VerificationError("it differs"), 1, "it differs"),
        (PermissionError(13, "Permission denied", "out/x"), 1, "out/x: Permission denied"),
    ],
)
def test_errors_are_one_message(
    error: Exception, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(error, capsys) == (code, "", f"byoc: error: {message}\n")


def test_a_defect_says_how_to_see_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BYOC_TRACEBACK", raising=False)
    code, _, err = outcome(ZeroDivisionError("division\nby zero"), capsys)
    assert code == 1
    assert err.startswith("byoc: error: unexpected ZeroDivisionError: division; ")
    assert "BYOC_TRACEBACK=1" in err
    assert len(err.splitlines()) == 1


def test_the_traceback_is_there_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYOC_TRACEBACK", "1")

    def callback() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        One(callback).main(["partition"])


def test_an_interrupt_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(KeyboardInterrupt(), capsys)
    assert (code, out) == (130, "")


def test_a_reader_that_goes_away_is_no_error() -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "byoc", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert run.stdout is not None
    assert run.stderr is not None
    run.stdout.close()
    err = run.stderr.read()
    run.stderr.close()
    assert run.wait() == 1
    assert err == b""


def test_an_interrupt_while_a_class_is_made_exits_with_130() -> None:
    program = (
        "import click\n"
        "from byoc.cli import LazyGroup\n"
        "class One(LazyGroup):\n"
        "    def get_command(self, ctx, name):\n"
        "        return click.Command(name, callback=lambda: exec('raise KeyboardInterrupt'))\n"
        "One('byoc').main(['partition'])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert run.returncode == 130
