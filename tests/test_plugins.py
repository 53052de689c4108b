"""Plugins that are really installed, found by their entry points, good and bad."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PLUGINS, Run


def clean_failure(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_the_third_party_plugin_is_small() -> None:
    lines = [
        line
        for name in ("__init__.py", "support.yaml")
        for line in (PLUGINS / "mychip" / "mychip" / name).read_text("utf-8").splitlines()
        if line.strip()
    ]
    assert len(lines) <= 40


def test_an_installed_plugin_is_listed_and_used(byoc: Run, mychip: Path) -> None:
    listed = byoc("vendors", "list", path=(mychip,))
    assert listed.returncode == 0, listed.stderr
    assert "mychip" in listed.stdout
    assert "npu" in listed.stdout
    done = byoc("partition", "--vendor", "mychip", "zoo:squeezenet", path=(mychip,))
    assert done.returncode == 0, done.stderr
    assert "conv2d_relu" in done.stdout


def test_it_is_gone_without_its_distribution(byoc: Run) -> None:
    clean_failure(byoc("partition", "--vendor", "mychip", "zoo:squeezenet"), "mychip", "npu")


@pytest.mark.parametrize(
    ("vendor", "words"),
    [
        ("raises-at-import", ["trouble-byoc 1.0", "libtrouble.so.3"]),
        ("quits-at-import", ["trouble-byoc 1.0", "SystemExit: libtrouble is not installed"]),
        ("unknown-hook", ["byoc_patern_table", "did you mean 'byoc_pattern_table'"]),
        ("wrong-spec", ["VendorSpec"]),
        ("unmarked", ["byoc_vendor_spec is not marked", "@byoc.hookimpl"]),
        ("wrong-argument", ["byoc_check takes no argument 'region'; did you mean 'regions'?"]),
        ("wrong-options", ["a schema of type None", '{"type": "object", "properties"']),
        ("bad-table", ["bad.yaml:4", "atrs", "attrs"]),
        ("npu", ["byoc ", "trouble-byoc 1.0"]),
        ("crashs", ["did you mean 'crashes'"]),
    ],
)
def test_a_broken_plugin_is_one_clear_message(
    byoc: Run, trouble: Path, vendor: str, words: list[str]
) -> None:
    clean_failure(byoc("partition", "--vendor", vendor, "zoo:squeezenet", path=(trouble,)), *words)


def test_broken_plugins_stop_no_other_vendor(byoc: Run, trouble: Path, mychip: Path) -> None:
    done = byoc("partition", "--vendor", "mychip", "zoo:squeezenet", path=(trouble, mychip))
    assert done.returncode == 0, done.stderr
    listed = byoc("vendors", "list", path=(trouble, mychip))
    assert listed.returncode == 0, listed.stderr
    assert "raises-at-import" in listed.stdout


def test_no_plugin_is_imported_or_looked_for_with_byoc() -> None:
    code = (
        "import sys, byoc, byoc.cli\n"
        "assert not {'tvm', 'onnx', 'importlib.metadata', 'byoc.vendors.npu'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
