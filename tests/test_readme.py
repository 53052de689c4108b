"""The README's commands and program, run as written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from byoc.cli import SUBCOMMANDS
from tests.conftest import ROOT, Run

README = (ROOT / "README.md").read_text("utf-8")
PLUGINS = (ROOT / "docs" / "plugins.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ (byoc .+)$", README, re.MULTILINE)
PROGRAMS = {"partition_model": "segments", "compile_model": "softmaxout_1"}
"""What each program calls, and a word that it prints."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def run_in_order(byoc: Run, commands: list[str]) -> None:
    for command in commands:
        done = byoc(*shlex.split(command)[1:])
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_every_command_without_a_toolchain_works(byoc: Run, tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    run_in_order(
        byoc, [each for each in COMMANDS if "transformer.so" not in each and "repro" not in each]
    )


@pytest.mark.slow
def test_the_whole_journey_works_in_order(byoc: Run, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    journey = COMMANDS[next(i for i, each in enumerate(COMMANDS) if "byoc compile" in each) :]
    assert len(journey) >= 8
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    run_in_order(byoc, journey)


@pytest.mark.parametrize(("call", "word"), PROGRAMS.items())
def test_a_program_runs(tmp_path: Path, call: str, word: str) -> None:
    program = next(block for block in blocks("python") if call in block)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert word in done.stdout


def test_the_plugin_is_the_one_that_is_tested() -> None:
    source = (ROOT / "tests" / "plugins" / "mychip" / "mychip" / "__init__.py").read_text("utf-8")
    plugin = next(block for block in blocks("python") if "byoc_codegen" in block)
    assert source.endswith(plugin)
    for page in re.findall(r"^```python\n(.*?)^```", PLUGINS, re.MULTILINE | re.DOTALL)[:2]:
        assert any(
            (ROOT / "tests" / "plugins" / "mychip" / "mychip" / name)
            .read_text("utf-8")
            .endswith(page)
            for name in ("__init__.py", "chip.py")
        )


def test_every_subcommand_is_shown() -> None:
    shown = {command.split()[1] for command in COMMANDS}
    assert shown == set(SUBCOMMANDS)


def test_the_table_is_sound(byoc: Run, tmp_path: Path) -> None:
    (table,) = blocks("yaml")
    (tmp_path / "support.yaml").write_text(table, "utf-8")
    assert byoc("vendors", "check", "support.yaml").returncode == 0


@pytest.mark.parametrize("target", re.findall(r"`make ([a-z-]+)`", README))
def test_every_make_target_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\((docs/[^)]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).is_file()
