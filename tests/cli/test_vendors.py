import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from byoc.cli._vendor_facts import facts_text
from tests.cli.conftest import Byoc

TABLE = """\
vendor: mine
version: 1
hardware: {sram: 4KiB}
ops:
  nn.relu: {}
  nn.conv2d: [{attrs: {groups: 1}}, {inputs: {weight: {bytes: {max: =hw.sram}}}}]
patterns:
  conv_relu:
    match: |
      c = nn.conv2d(x, w:const)
      nn.relu(c)
"""


def byoc(*args: str, code: str = "") -> subprocess.CompletedProcess[str]:
    run = code or "from byoc.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", run, *args], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "support.yaml"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_check_counts_what_is_right(table: Path) -> None:
    done = byoc("vendors", "check", str(table))
    assert (done.returncode, done.stdout) == (0, f"{table}: ok: 3 op rows, 1 pattern\n")


def test_check_imports_no_tvm(table: Path) -> None:
    code = (
        "import sys\nfrom byoc.cli import main\n"
        "try:\n    main()\nexcept SystemExit as e:\n"
        "    heavy = {'tvm', 'onnx', 'onnxruntime', 'rich'} & set(sys.modules)\n"
        "    sys.exit(f'imported {heavy}' if heavy or e.code else 0)"
    )
    done = byoc("vendors", "check", str(table), code=code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("nn.relu: {}", "nn.rleu: {}", "5:3", "did you mean 'nn.relu'?"),
        ("groups: 1", "grops: 1", "6:24", "did you mean 'groups'?"),
        ("hw.sram", "hw.srm", "6:72", "did you mean 'sram'?"),
        ("nn.relu(c)", "nn.rleu(c)", "11:7", "did you mean 'nn.relu'?"),
        ("      nn.relu(c)", "      nn.relu(c", "11:", "pattern conv_relu"),
        ("version: 1", "version: 1\nversion: 1", "3:1", "'version' stands twice"),
    ],
)
def test_check_says_what_is_wrong_where(
    table: Path, old: str, new: str, place: str, words: str
) -> None:
    table.write_text(TABLE.replace(old, new), encoding="utf-8")
    done = byoc("vendors", "check", str(table))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{table}:{place}" in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_check_of_a_missing_file(tmp_path: Path) -> None:
    done = byoc("vendors", "check", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert "no such file" in done.stderr


def test_check_takes_options(table: Path) -> None:
    table.write_text(TABLE.replace("groups: 1", "groups: =options.groups"), encoding="utf-8")
    without = byoc("vendors", "check", str(table))
    assert without.returncode == 2
    assert "there is no 'groups'" in without.stderr
    assert byoc("vendors", "check", str(table), "--vendor-option", "groups=2").returncode == 0
    wrong = byoc("vendors", "check", str(table), "--vendor-option", "groups")
    assert wrong.returncode == 2
    assert "expected KEY=VALUE" in wrong.stderr


def test_schema_is_a_json_schema() -> None:
    done = byoc("vendors", "schema")
    jsonschema.Draft202012Validator.check_schema(json.loads(done.stdout))


def test_list_has_the_bundled_vendor() -> None:
    done = byoc("vendors", "list", "--format", "json")
    assert "npu" in [each["name"] for each in json.loads(done.stdout)]
    assert byoc("vendors", "list").stdout.splitlines()


def test_show_of_an_unknown_vendor_names_the_nearest() -> None:
    done = byoc("vendors", "show", "npuu")
    assert done.returncode == 2
    assert "did you mean 'npu'?" in done.stderr


def test_show_tells_hooks_toolchain_and_options(run_byoc: Byoc) -> None:
    code, out, err = run_byoc("vendors", "show", "goodchip")
    assert (code, err) == (0, "")
    assert "  plugin      chips-byoc 1.0\n" in out
    hooks = "byoc_codegen, byoc_compatible, byoc_load, byoc_vendor_spec"
    assert f"  hooks       {hooks}\n" in out
    assert "  runs        through the Python driver of byoc_load\n" in out
    assert "  toolchain   1.0\n" in out
    assert "  queue    integer; 1 unless given; at load time\n" in out
    words = " ".join(out.split())
    assert (
        "licence string; at compile time; secret: never in a plan, manifest, log or bundle" in words
    )
    assert all(len(line) <= 80 for line in out.splitlines())


def test_show_as_json_and_markdown(run_byoc: Byoc) -> None:
    given = json.loads(run_byoc("vendors", "show", "goodchip", "--format", "json")[1])
    assert "byoc_codegen" in given["hooks"]
    by_name = {each["name"]: each for each in given["options"]}
    assert (by_name["queue"]["time"], by_name["isa"]["time"]) == ("load", "compile")
    assert (by_name["key"]["secret"], by_name["queue"]["secret"]) == (True, False)
    assert "default" not in by_name["key"]
    page = run_byoc("vendors", "show", "goodchip", "--format", "markdown")[1]
    assert "| `effort` | low or high | low | compile |  |\n" in page
    assert "| `key` | string |  | load, secret |  |\n" in page


def test_a_vendor_without_codegen_can_partition_alone() -> None:
    facts = {
        "plugin": "mine 1.0",
        "hooks": [],
        "toolchain": "",
        "opset": None,
        "driver": "",
        "options": [],
    }
    assert "nothing: without byoc_codegen it can partition alone" in facts_text(facts)


def test_show_of_the_bundled_vendor(run_byoc: Byoc) -> None:
    words = " ".join(run_byoc("vendors", "show", "npu")[1].split())
    assert "its segments, in byoc_codegen" in words
    assert "medium unless given; at compile time" in words
