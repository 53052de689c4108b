"""Loading: nothing of a file is run before all of it was checked, and every refusal says why."""

import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.device import this_device
from byoc.errors import ArtefactError, ArtefactWarning, ByocError, UsageError
from byoc.runtime import load
from byoc.runtime.verdicts import hold_loadable
from byoc.verdict import Verdict
from tests.conftest import ROOT
from tests.runtime.build import make
from tests.runtime.conftest import Child

pytestmark = pytest.mark.usefixtures("testchip")

GIVEN = np.ones((2, 3), "float32")

LOADING = """
import sys
from byoc.errors import ByocError
from byoc.runtime import load
refused = 0
for path in sys.argv[1:]:
    try:
        load(path)
    except ByocError:
        refused += 1
print(refused, "tvm" in sys.modules)
"""


def refused(path: Path) -> str:
    with pytest.raises(ArtefactError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_fresh_process_loads_without_importing_tvm(tmp_path: Path, child: Child) -> None:
    path = make(tmp_path / "m.so")
    ran = child(LOADING, path)
    assert (ran.stdout, ran.stderr) == ("0 False\n", "")


def test_what_is_no_artefact(tmp_path: Path) -> None:
    assert "cannot read the artefact" in refused(tmp_path / "none.so")
    assert "cannot read the artefact" in refused(tmp_path)
    text = tmp_path / "text.so"
    text.write_text("not a library")
    assert "is no artefact of byoc" in refused(text)


def test_truncated_files_are_refused_in_a_process_of_their_own(
    tmp_path: Path, child: Child
) -> None:
    data = make(tmp_path / "m.so").read_bytes()
    paths = []
    for number in range(40):
        path = tmp_path / f"{number}.so"
        path.write_bytes(data[: len(data) * number // 40])
        paths.append(path)
    ran = child(LOADING, *paths)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "40 False\n", "")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make(tmp_path_factory.mktemp("whole") / "m.so").read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_refused(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    altered = bytearray(whole)
    altered[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "altered.so"
    path.write_bytes(altered)
    with pytest.raises(ArtefactError):
        load(path)


@pytest.fixture
def trap(tmp_path: Path) -> tuple[Path, bytes]:
    """A file that a driver makes when it is opened, and an artefact whose driver would."""
    touched = tmp_path / "touched"
    path = make(tmp_path / "m.so", {"do": "touches", "path": str(touched)})
    load(path).run([GIVEN])
    touched.unlink()
    return touched, path.read_bytes()


def reaches_no_driver(touched: Path, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(ArtefactError):
        load(path).run([GIVEN])
    assert not touched.exists()


def trailer_of(data: bytes) -> tuple[int, dict[str, Any]]:
    """Where the trailer begins, and what it says."""
    start = len(data) - 16 - int.from_bytes(data[-16:-8], "little")
    return start, json.loads(data[start:-16])


def sealed(data: bytes) -> bytes:
    """`data` with a trailer that has its SHA-256, as one would make who changed it on purpose."""
    start, trailer = trailer_of(data)
    trailer["sha256"] = hashlib.sha256(data[:start]).hexdigest()
    text = json.dumps(trailer, sort_keys=True, separators=(",", ":")).encode()
    return data[:start] + text + len(text).to_bytes(8, "little") + data[-8:]


def test_no_flipped_byte_of_the_container_reaches_a_driver(
    trap: tuple[Path, bytes], tmp_path: Path
) -> None:
    touched, data = trap
    offset, length = trailer_of(data)[1]["container"]
    for place in range(offset, offset + length):
        flipped = bytearray(data)
        flipped[place] ^= 0xFF
        reaches_no_driver(touched, tmp_path / "flipped.so", bytes(flipped))
        reaches_no_driver(touched, tmp_path / "sealed.so", sealed(bytes(flipped)))


@pytest.mark.slow
def test_no_flipped_byte_and_no_length_of_the_file_reaches_a_driver(
    trap: tuple[Path, bytes], tmp_path: Path
) -> None:
    touched, data = trap
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 0x01
        reaches_no_driver(touched, tmp_path / "flipped.so", bytes(flipped))
        reaches_no_driver(touched, tmp_path / "cut.so", data[:place])


def test_segments_with_one_reason_are_named_together() -> None:
    verdicts = {"a_0": Verdict("incompatible", "no chip"), "b_0": Verdict("corrupt", "torn")}
    verdicts |= {"a_1": Verdict("incompatible", "no chip"), "c_0": Verdict("optimal")}
    with pytest.raises(ArtefactError) as caught:
        hold_loadable("m.so", verdicts)
    assert str(caught.value).startswith(
        "m.so cannot run here: a_0, a_1 are incompatible (no chip); b_0 is corrupt (torn); see"
    )


@pytest.mark.parametrize(
    ("compat", "toolchain", "code", "words"),
    [
        (b"", "2.0", "optimal", ""),
        (b"", "1.9", "usable", "made with toolchain 1.9, here is 2.0"),
        (b"usable:made for a", "2.0", "usable", "made for a"),
    ],
)
def test_what_may_run_runs(
    tmp_path: Path, compat: bytes, toolchain: str, code: str, words: str
) -> None:
    path = make(tmp_path / "m.so", compat=compat, toolchain=toolchain)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        artefact = load(path)
        artefact.run([GIVEN])
    verdict = artefact.verdicts["chip_0"]
    assert (verdict.code, verdict.words) == (code, words)
    assert [each.category for each in told] == [ArtefactWarning] * (code == "usable")
    assert all(f"chip_0 ({words})" in str(each.message) for each in told)
    assert all(each.filename == __file__ for each in told)


@pytest.mark.parametrize(
    ("compat", "words"),
    [
        (b"incompatible:made for b", "chip_0 is incompatible (made for b)"),
        (b"corrupt:no header", "chip_0 is corrupt (no header)"),
        (b"raises", "byoc_compatible of testchip raised RuntimeError: no such chip"),
        (b"wrong", "byoc_compatible of testchip answered 'fine' of type str, expected a byoc.Verd"),
    ],
)
def test_what_may_not_run_reaches_no_driver(tmp_path: Path, compat: bytes, words: str) -> None:
    said = refused(make(tmp_path / "m.so", {"do": "raises_on_open"}, compat=compat))
    assert words in said


def test_a_missing_vendor_is_named_with_what_brings_it(tmp_path: Path, child: Child) -> None:
    code = "import sys; from byoc.runtime import load; load(sys.argv[1])"
    theirs = child(code, make(tmp_path / "a.so", plugin="testchip-byoc 1.0"), installed=False)
    assert "ArtefactError" in theirs.stderr
    assert "the vendor 'testchip' cannot be used here" in theirs.stderr
    assert "it was compiled with testchip-byoc 1.0; install that" in theirs.stderr
    bundled = child(code, make(tmp_path / "b.so", plugin="byoc 0.1.0"), installed=False)
    assert 'pip install "byoc[testchip]"' in bundled.stderr


def test_another_machine(tmp_path: Path) -> None:
    other = {**this_device(), "machine": "sparc64"}
    said = refused(make(tmp_path / "m.so", device=other))
    assert "was compiled for sparc64, this machine is" in said


def test_host_code_of_a_better_cpu(tmp_path: Path) -> None:
    better = this_device()
    better["features"].append("avx1024")
    load(make(tmp_path / "plain.so", device=better)).run([GIVEN])
    said = refused(make(tmp_path / "m.so", device=better, target="llvm -mcpu=native"))
    assert "this CPU has no avx1024; compile" in said


def test_signatures(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PrivateKey.generate().public_key()
    key = tmp_path / "key.pem"
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    path = make(tmp_path / "m.so")
    with pytest.raises(ArtefactError, match="sign"):
        load(path, require_signature=key)


def test_load_time_options(tmp_path: Path) -> None:
    path = make(tmp_path / "m.so")
    with load(path, vendor_options={"testchip": {"factor": "7"}}) as artefact:
        assert artefact.run([GIVEN])["y0"].max() == 7
    for options, words in [
        ({"testship": {}}, "has no segment of vendor 'testship'; did you mean 'testchip'?"),
        ({"testchip": {"factr": "7"}}, "has no option 'factr'; did you mean 'factor'?"),
        ({"testchip": {"factor": "many"}}, "option factor: 'many' is not of type 'integer'"),
        ({"testchip": {"chip": "b"}}, "is asked for when a model is compiled, not when"),
    ]:
        with pytest.raises(UsageError) as caught:
            load(path, vendor_options=options)
        assert words in str(caught.value)
    with pytest.raises(UsageError, match="threads is 0, expected a number from 1"):
        load(path, threads=0)


def test_a_file_that_was_compiled_again_is_the_new_one(tmp_path: Path) -> None:
    path = make(tmp_path / "m.so")
    first = load(path)
    make(path, {"do": "process"}, host=None)
    second = load(path)
    assert second.run([GIVEN])["y0"].max() == os.getpid() % 65536
    assert first.run([GIVEN])["y0"].max() == 2


def test_a_file_that_is_moved_or_gone_after_loading_still_runs(tmp_path: Path) -> None:
    path = make(tmp_path / "m.so")
    artefact = load(path)
    path.unlink()
    assert artefact.run([GIVEN])["y0"].max() == 2


def test_a_name_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "m.so")
    monkeypatch.chdir(tmp_path)
    assert load("m.so").run([GIVEN])["y0"].max() == 2


def test_tvm_alone_loads_it_too(tmp_path: Path, child: Child) -> None:
    path = make(tmp_path / "m.so")
    code = """
import sys, tvm, numpy as np
import byoc.runtime
machine = tvm.relax.VirtualMachine(tvm.runtime.load_module(sys.argv[1]), tvm.cpu())
print(machine["main"](tvm.runtime.tensor(np.ones((2, 3), "float32")))[0].numpy().max())
"""
    ran = child(code, path)
    assert ran.stdout == "2.0\n", ran.stderr


def test_a_runtime_that_was_not_built_says_so(tmp_path: Path, child: Child) -> None:
    unbuilt = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "byoc", tmp_path / "byoc", ignore=unbuilt)
    code = """
import sys
sys.path.insert(0, "")
import byoc.runtime.executor
from byoc.runtime import load
load(sys.argv[1])
"""
    ran = child(code, make(tmp_path / "m.so"))
    assert f"ByocError: byoc's C++ runtime {tmp_path}" in ran.stderr
    assert "was installed without building it; reinstall it with a C++17 compiler" in ran.stderr


def test_the_paths_for_cpp() -> None:
    from byoc.runtime import include_path, library_path

    assert (include_path() / "byoc_driver.h").is_file()
    assert library_path().suffix == ".so"


def test_a_driver_that_is_none(tmp_path: Path) -> None:
    from byoc.runtime import register_driver

    with pytest.raises(UsageError, match="is no file"):
        register_driver("testchip", tmp_path / "none.so")
    text = tmp_path / "text.so"
    text.write_text("not a library")
    with pytest.raises(ByocError, match="testchip"):
        register_driver("testchip", text)


def test_the_plan_and_manifest_are_plain_json(tmp_path: Path) -> None:
    artefact = load(make(tmp_path / "m.so"))
    assert json.loads(json.dumps(artefact.plan)) == {"made": "by hand"}
    assert artefact.path == tmp_path / "m.so"
    assert os.fspath(artefact.path) == str(tmp_path / "m.so")
