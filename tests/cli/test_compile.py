"""`byoc compile`, end to end, with a vendor that works and one that goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Byoc
from tests.conftest import Run


def test_a_model_is_compiled_and_reported(run_byoc: Byoc, small: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.so"
    code, out, err = run_byoc("compile", "--vendor", "goodchip", small, "-o", target)
    assert (code, err) == (0, "")
    assert "5 of 5 ops offloaded" in out
    assert "  goodchip_0    5" in out
    assert f"Written to {target}, " in out
    assert out.endswith(f"Next: byoc run {target} --compare {small}\n")
    assert target.is_file()
    assert [each.name for each in tmp_path.iterdir()] == ["model.so"]
    paths = (str(target), str(small))
    lines = [line for line in out.splitlines() if not any(path in line for path in paths)]
    assert all(len(line) <= 80 for line in lines)


def test_json_has_blobs_host_code_and_file(run_byoc: Byoc, small: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.so"
    arguments = ("compile", "--vendor", "goodchip", small, "--format", "json")
    code, out, err = run_byoc(*arguments, "--no-cache", "-o", target)
    assert (code, err) == (0, "")
    given = json.loads(out)
    assert given["ok"] is True
    assert given["artefact"] == {"path": str(target), "bytes": target.stat().st_size}
    (segment,) = given["segments"]
    assert (segment["name"], segment["vendor"], segment["cached"]) == (
        "goodchip_0",
        "goodchip",
        False,
    )
    assert segment["blob_bytes"] > 0
    assert segment["compile_seconds"] > 0
    assert given["host"] == []
    assert given["cache"] == {"whole": False, "hits": 0, "calls": 1}


def test_the_second_time_nothing_is_compiled(run_byoc: Byoc, small: Path, tmp_path: Path) -> None:
    arguments = ("compile", "--vendor", "goodchip", small, "--format", "json", "--shape", "n=2")
    first = run_byoc(*arguments, "-o", tmp_path / "a.so")
    second = run_byoc(*arguments, "-o", tmp_path / "b.so")
    assert (first[0], second[0]) == (0, 0)
    given = json.loads(second[1])
    assert given["cache"]["whole"] is True
    assert given["segments"][0]["cached"] is True
    assert given["segments"][0]["compile_seconds"] is None
    assert (tmp_path / "a.so").read_bytes() == (tmp_path / "b.so").read_bytes()
    code, out, _ = run_byoc(*arguments[:4], "--shape", "n=2", "-o", tmp_path / "c.so")
    assert code == 0
    assert "the whole artefact came from the cache" in out


def test_the_second_time_imports_little(
    environ: dict[str, str], small: Path, tmp_path: Path
) -> None:
    def imported(name: str) -> set[str]:
        arguments = ["compile", "--vendor", "openvino", str(small), "--shape", "n=1", "-o", name]
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "byoc", *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    # Vendors' support tables are neither parsed nor validated, and the pipeline is not needed.
    heavy = {"tvm", "onnx", "ruamel.yaml", "pydantic", "byoc.pipeline"}
    assert heavy <= imported("one.so")
    assert not heavy & imported("two.so")
    assert (tmp_path / "one.so").read_bytes() == (tmp_path / "two.so").read_bytes()


def test_what_the_vendor_cannot_compile_goes_to_the_host(
    run_byoc: Byoc, small: Path, tmp_path: Path
) -> None:
    arguments = ("--vendor", "badchip", "--vendor-option", "badchip.fault=raise", "--keep")
    bundles = tmp_path / "bundles"
    code, out, err = run_byoc("compile", *arguments, bundles, small, "-o", tmp_path / "model.so")
    assert (code, err) == (0, "")
    assert "4 of 5 ops offloaded" in out
    assert "Host code: TVM runs 1 op" in out
    assert "badchip codegen-failed  1 op: exp" in out
    assert f"Repro bundles in {bundles}" in out
    assert any(bundles.iterdir())


def test_a_written_partition_is_compiled(run_byoc: Byoc, small: Path, tmp_path: Path) -> None:
    arguments = ("partition", "--vendor", "goodchip", small, "-o", tmp_path / "plan")
    assert run_byoc(*arguments)[0] == 0
    target = tmp_path / "model.so"
    arguments = ("compile", "--plan", tmp_path / "plan", "-o", target, "--format", "json")
    code, out, err = run_byoc(*arguments)
    assert (code, err) == (0, "")
    assert [each["name"] for each in json.loads(out)["segments"]] == ["goodchip_0"]


def test_the_smallest_plugin_compiles_and_runs(
    byoc: Run, mychip: Path, small: Path, tmp_path: Path
) -> None:
    arguments = ("--vendor", "mychip", str(small), "--shape", "n=1", "--no-cache")
    done = byoc("compile", *arguments, "-o", "model.so", path=(mychip,))
    assert done.returncode == 0, done.stderr
    assert "4 of 5 ops offloaded" in done.stdout  # it has no row for exp
    arguments = ("--compare", str(small), "--max-rel", "1e-5")
    done = byoc("run", "model.so", *arguments, path=(mychip,))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["m.onnx"], "Missing option '-o'"),
        (["-o", "m.so"], "neither MODEL nor --plan given"),
        (["m.onnx", "--plan", "p", "-o", "m.so"], "both MODEL and --plan given"),
        (["--plan", "p", "-o", "m.so", "--vendor", "npu"], "--vendor cannot go with --plan"),
        (["--plan", "p", "-o", "m.so", "--min-ops", "3"], "--min-ops cannot go with --plan"),
        (["m.onnx", "-o", "m.so"], "no --vendor given"),
        (["m.onnx", "--vendor", "npu", "-o", "/nowhere/m.so"], "there is no folder /nowhere"),
        (["m.onnx", "--vendor", "npu", "-o", "."], "it is a folder"),
        (["m.onnx", "--vendor", "npu", "-o", "taken.so"], "use --force to replace it"),
        (["m.onnx", "--vendor", "npu", "-o", "m.so", "--keep", "taken.so"], "it is no folder"),
        (["m.onnx", "--vendor", "npu", "-o", "m.so", "--sign", "none.pem"], "none.pem"),
        (["m.onnx", "--vendor", "npu", "-o", "m.so", "--memory", "8x"], "no number of bytes"),
        (["m.onnx", "--vendor", "npu", "-o", "m.so", "--timeout", "0"], "no positive number"),
        (["m.onnx", "--vendor", "npu", "-o", "m.so", "--host", "tmv"], "did you mean 'tvm'?"),
        (["m.onnx", "--vendor", "npu", "-o", "m.so", "--fallbak"], "did you mean '--fallback'?"),
        (["m.onnx", "--vendor", "goodchp", "-o", "m.so"], "did you mean 'goodchip'?"),
        (["m.onnx", "--vendor", "goodchip", "-o", "m.so"], "m.onnx"),
        (
            ["m.onnx", "--vendor", "npu", "-o", "m.so", "--vendor-option", "npx.chip=lite"],
            "did you mean 'npu'?",
        ),
    ],
)
def test_bad_usage_is_refused_and_leaves_nothing(
    run_byoc: Byoc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.so").write_text("mine")
    code, out, err = run_byoc("compile", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("byoc: error: ")
    assert words.lower() in err.lower()
    assert "Traceback" not in err
    assert [each.name for each in tmp_path.iterdir()] == ["taken.so"]
    assert (tmp_path / "taken.so").read_text() == "mine"


def test_a_vendor_that_only_partitions_fails_before_the_model_is_read(
    tmp_path: Path, trouble: Path
) -> None:
    # A file that is no model would be the error if it were read.
    (tmp_path / "m.onnx").write_text("no model")
    done = subprocess.run(
        [sys.executable, "-m", "byoc", "compile", "--vendor", "picky", "m.onnx", "-o", "m.so"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(trouble)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "vendor 'picky' (trouble-byoc " in done.stderr
    assert "only partitions: its plugin has no byoc_codegen hook" in done.stderr
    assert not (tmp_path / "m.so").exists()


def test_a_signed_artefact_is_known_by_its_key(run_byoc: Byoc, small: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    mine, other = key_pair(tmp_path, "mine"), key_pair(tmp_path, "other")
    target = tmp_path / "model.so"
    arguments = ("compile", "--vendor", "goodchip", small, "--shape", "n=1")
    assert run_byoc(*arguments, "-o", target, "--sign", mine[0])[0] == 0
    for command in ("run", "inspect", "profile"):
        code, _, err = run_byoc(command, target, "--require-signature", mine[1])
        assert (code, err) == (0, "")
        code, out, err = run_byoc(command, target, "--require-signature", other[1])
        assert (code, out) == (2, "")
        assert "is signed with the key" in err
    assert f"by the owner of {mine[1]}" in run_byoc(
        "inspect", target, "--require-signature", mine[1]
    )[1].replace("\n             ", " ")


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    plain = form.NoEncryption()
    private.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, plain))
    public.write_bytes(
        key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def test_an_interrupt_leaves_nothing(environ: dict[str, str], small: Path, tmp_path: Path) -> None:
    arguments = ["compile", "--vendor", "badchip", str(small), "-o", "model.so", "--no-cache"]
    options = ["--vendor-option", "badchip.fault=hang"]
    process = subprocess.Popen(
        [sys.executable, "-m", "byoc", *arguments, *options],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_a_child(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def wait_for_a_child(process: int) -> None:
    """Until the vendor's worker is there."""
    for _ in range(600):
        if Path(f"/proc/{process}/task/{process}/children").read_text().strip():
            time.sleep(1)
            return
        time.sleep(0.1)
    raise AssertionError("no worker was started")
