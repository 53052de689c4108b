"""What is packaged, and which room may import which."""

import ast
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import byoc
from tests.conftest import ROOT

LINKS = {"partition", "vendors", "codegen_templates"}
PACKAGED = {".py", ".json", ".yaml", ".lark", ".j2", ".typed"}
BUILT = {
    "byoc/runtime/libbyoc_runtime.so",
    "byoc/runtime/include/byoc_driver.h",
    "byoc/vendors/npu/libbyoc_npu.so",
}
"""What the build makes, and what native drivers are compiled against."""


def packaged_files(folder: Path) -> Iterator[str]:
    """The files below byoc/ that belong in a wheel, links followed, as paths in the wheel."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            yield from packaged_files(path)
        elif path.suffix in PACKAGED or path.name == "py.typed":
            yield path.relative_to(ROOT).as_posix()


def test_the_links_are_links() -> None:
    for name in sorted(LINKS):
        link = ROOT / "byoc" / name
        assert link.is_symlink()
        assert link.readlink() == Path("..") / name


def test_a_wheel_holds_every_module_table_and_template(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    source = tmp_path / "source"
    for name in tracked:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            path.symlink_to((ROOT / name).readlink())
        elif (ROOT / name).is_file():
            path.write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(source)]
    quick = {**os.environ, "CFLAGS": "-O0 -g0"}
    subprocess.run([*pip, *options], check=True, capture_output=True, env=quick)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("byoc/")}
    known = {
        name.replace(f"{top}/", f"byoc/{top}/", 1)
        for name in tracked
        for top in [name.split("/")[0]]
        if top in LINKS
    }
    known |= {name for name in tracked if name.startswith("byoc/") and Path(name).name not in LINKS}
    wanted = {name for name in packaged_files(ROOT / "byoc") if name in known}
    assert wanted
    assert held == wanted | BUILT


def imports(path: Path) -> set[str]:
    """The byoc modules that a file imports, at any depth of nesting."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "byoc"}


RULES = {
    "byoc/codegen": {
        "artefact",
        "blob",
        "codegen",
        "device",
        "errors",
        "frontends",
        "host",
        "isolation",
        "manifest",
        "options",
        "partition",
        "plugins",
        "region",
        "segment",
        "shelf",
        "spec",
        "store",
        "support",
        "testing",
        "verdicts",
        "_version",
    },
    "byoc/host": {
        "blob",
        "codegen",
        "errors",
        "frontends",
        "host",
        "manifest",
        "partition",
        "pipeline",
        "plugins",
        "region",
        "runtime",
        "segment",
        "support",
        "vendor",
        "_version",
    },
    "byoc/runtime": {
        "artefact",
        "blob",
        "device",
        "errors",
        "frontends",
        "manifest",
        "partition",
        "plugins",
        "region",
        "runtime",
        "spec",
        "testing",
        "verdict",
        "verdicts",
    },
    "partition": {"errors", "spec", "support", "partition", "_version"},
    "byoc/support": {"errors", "support"},
    "byoc/frontends": {"collector", "errors", "support", "frontends", "relay", "testing"},
    "byoc/report": {
        "artefact",
        "codegen",
        "compile",
        "cost",
        "errors",
        "frontends",
        "manifest",
        "options",
        "partition",
        "pipeline",
        "report",
        "runtime",
        "support",
        "verdict",
        "_version",
    },
}
"""Room -> the rooms it may import."""

FURTHER = {
    # A bundle is a partition of its own, and running it again takes all of byoc.
    "byoc/codegen/keep.py": {"pipeline"},
    "byoc/codegen/repro.py": {"compile", "pipeline", "runtime"},
}
"""File -> what it may import beyond its room."""


@pytest.mark.parametrize("room", sorted(RULES))
def test_imports_point_one_way(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        allowed = RULES[room] | FURTHER.get(file, set())
        for name in sorted(imports(path) - {"byoc"}):
            assert name.split(".")[1] in allowed, f"{file} imports {name}"


def test_running_needs_neither_tvm_nor_the_compiler() -> None:
    script = (
        "import sys, byoc.runtime.loading, byoc.runtime.profile, byoc.runtime.compare; "
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"tvm", "onnx", "byoc.pipeline", "byoc.compile", "byoc.codegen", "byoc.host"}
    assert not heavy & set(done.stdout.split())


def test_nothing_imports_the_command_line() -> None:
    for path in sorted([*(ROOT / "byoc").rglob("*.py"), *(ROOT / "partition").rglob("*.py")]):
        if "cli" not in path.relative_to(ROOT).parts and path.name != "__main__.py":
            assert not any(name.startswith("byoc.cli") for name in imports(path)), path


def test_bundled_vendors_use_the_public_api_alone() -> None:
    public = {"byoc", *(f"byoc.{name}" for name in byoc.__all__)}
    for path in sorted((ROOT / "vendors").rglob("*.py")):
        own = f"byoc.vendors.{path.relative_to(ROOT / 'vendors').parts[0]}"
        foreign = {each for each in imports(path) - public if not each.startswith(own)}
        assert not foreign, path
