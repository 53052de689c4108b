import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import byoc
from byoc.artefact import END, read_artefact, write_artefact
from byoc.blob import Blob
from byoc.errors import ArtefactError, BlobError, UsageError
from byoc.host import HostOptions, build_host
from byoc.manifest import Manifest, from_json
from byoc.pipeline import partition_for
from byoc.runtime.library import is_built
from tests.host.running import Chip, Codegen
from tests.partition.build import script, weight

pytestmark = pytest.mark.skipif(not is_built(), reason="byoc's C++ runtime was not built")
KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
"""


def parts(source=None, takes=("nn.softmax",)):
    """What write_artefact is given: a model with a segment of the vendor onnxruntime and a light op on the host."""
    source = source or script("a = nn.softmax(x); b = tanh(a) -> b", x=(2, 4))
    partition = partition_for(source, [Chip(takes)])
    compiled = Codegen().compile([replace(e, vendor="onnxruntime") for e in partition.segments()])
    build = build_host(partition, compiled, None, HostOptions(library="tvm"))
    manifest = Manifest(
        byoc.__version__, "0.27", "m", build.inputs, build.outputs, build.segments, (), 0
    )
    return build.executable, manifest, build.blobs, {"plan": "of it"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("artefact") / "model.so"
    return write_artefact(path, *parts())


def test_what_is_written_reads_back(written):
    read = read_artefact(written.path)
    assert read == written
    assert read.plan == {"plan": "of it"}
    assert [each.name for each in read.manifest.segments] == ["chip_0"]
    assert read.bytes == written.path.stat().st_size
    assert read.signature is None


def test_any_tvm_runtime_loads_it(written):
    code = (
        "import sys, tvm, byoc.runtime\nm = tvm.runtime.load_module(sys.argv[1])\n"
        "f = m.get_function('byoc.manifest', query_imports=True)\nprint(f())"
    )
    done = _python(code, written.path)
    assert done.returncode == 0, done.stderr
    assert from_json(done.stdout) == written.manifest


def test_the_same_input_gives_the_same_bytes(written, tmp_path):
    again = write_artefact(tmp_path / "another name.so", *parts())
    assert again.path.read_bytes() == written.path.read_bytes()
    assert str(tmp_path).encode() not in again.path.read_bytes()


def test_cut_short_at_any_length_is_refused(written, tmp_path):
    data = written.path.read_bytes()
    path = tmp_path / "cut.so"
    lengths = [*range(0, len(data), max(1, len(data) // 500)), *range(len(data) - 500, len(data))]
    for length in lengths:
        path.write_bytes(data[:length])
        with pytest.raises(ArtefactError, match=r"cut short|no artefact of byoc"):
            read_artefact(path)


def test_any_flipped_byte_is_refused(written, tmp_path):
    data = written.path.read_bytes()
    path = tmp_path / "flipped.so"
    trailer = data.rindex(b'{"bytes"')
    for place in [*range(0, trailer, max(1, trailer // 300)), *range(trailer, len(data))]:
        flipped = bytearray(data)
        flipped[place] ^= 1
        path.write_bytes(bytes(flipped))
        with pytest.raises(ArtefactError):
            read_artefact(path)


def test_what_was_altered_is_named(written, tmp_path):
    data = bytearray(written.path.read_bytes())
    trailer = json.loads(data[data.rindex(b'{"bytes"') : -16])
    path = tmp_path / "altered.so"
    start, length = trailer["container"]
    for place, words in ((start - 1, "host code is altered"), (start + length - 1, "the plan")):
        flipped = bytearray(data)
        flipped[place] ^= 1
        path.write_bytes(bytes(flipped))
        with pytest.raises(ArtefactError, match=words):
            read_artefact(path)


def test_other_versions_are_named(written, tmp_path):
    data = written.path.read_bytes()
    path = tmp_path / "other.so"
    for old, new in ((END, END[:-1] + b"\x02"), (b'"format":1', b'"format":9')):
        place = data.rindex(old)
        path.write_bytes(data[:place] + new + data[place + len(new) :])
        with pytest.raises(ArtefactError, match=r"format [29], this byoc reads format 1"):
            read_artefact(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "no artefact of byoc"),
        (b"\x7fELF" + b"x" * 100, "no artefact of byoc"),
        (b"BYOCSEG\x01 and no end", "cut short"),
        (b"\xff" * 8 + END, "altered"),
        ((5).to_bytes(8, "little") + END, "altered"),
    ],
)
def test_what_is_no_artefact_is_refused(tmp_path, content, words):
    path = tmp_path / "none.so"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtefactError, match=words):
        read_artefact(path)
    with pytest.raises(ArtefactError, match=r"Is a directory|no artefact"):
        read_artefact(tmp_path)


def test_blobs_that_are_too_large_are_refused_with_the_figure(tmp_path, monkeypatch):
    monkeypatch.setattr("byoc.artefact.MAX_BYTES", 1000)
    executable, manifest, _, plan = parts()
    with pytest.raises(BlobError, match=r"2,000 bytes.*'chip_0'.*holds 1,000"):
        write_artefact(tmp_path / "m.so", executable, manifest, {"chip_0": Blob(bytes(2000))}, plan)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match="No such file or directory"):
        write_artefact(tmp_path / "missing" / "m.so", *parts())


def test_a_compiler_that_fails_leaves_nothing(tmp_path, monkeypatch):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho cannot find crti.o >&2; exit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UsageError, match=r"(?s)crti\.o.*CXX"):
        write_artefact(out / "m.so", *parts())
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ('truncate -s -64 "$out"', "no whole library"),
        ('truncate -s 100 "$out"', "no whole library"),
        ('echo "ld: final link failed: No space left on device" >&2; exit 1', "No space left"),
        ("kill -SEGV $$", "linking the artefact failed"),
    ],
)
def test_a_linker_that_fails_half_way_leaves_the_old_artefact(tmp_path, monkeypatch, last, words):
    compiler = tmp_path / "cc"
    compiler.write_text(
        '#!/bin/sh\ng++ "$@" || exit 1\n'
        'while [ "$1" != "-o" ]; do shift; done; out="$2"\n'
        f'case "$out" in *.so) {last};; esac\n'
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    out = tmp_path / "out" / "m.so"
    out.parent.mkdir()
    out.write_bytes(b"the artefact of yesterday")
    with pytest.raises(UsageError, match=words):
        write_artefact(out, *parts())
    assert out.read_bytes() == b"the artefact of yesterday"
    assert list(out.parent.iterdir()) == [out]


def test_a_kill_amid_linking_leaves_the_old_artefact(tmp_path):
    compiler = tmp_path / "cc"
    out = tmp_path / "out" / "m.so"
    out.parent.mkdir()
    out.write_bytes(b"the artefact of yesterday")
    code = (
        "import os, sys\nfrom tests.test_artefact import parts\nfrom byoc.artefact import write_artefact\n"
        "given = parts()\nfrom pathlib import Path\n"
        "cc = Path(sys.argv[2]); cc.write_text(f'#!/bin/sh\\nkill -KILL {os.getpid()}\\nsleep 1\\n')\n"
        "cc.chmod(0o755)\nos.environ['CXX'] = str(cc)\n"
        "write_artefact(sys.argv[1], *given)\n"
    )
    done = _python(code, out, compiler)
    assert done.returncode == -signal.SIGKILL
    assert out.read_bytes() == b"the artefact of yesterday"
    write_artefact(out, *parts())
    assert read_artefact(out).plan == {"plan": "of it"}


def test_a_full_disk_leaves_nothing(tmp_path):
    code = (
        "import resource, sys, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from tests.test_artefact import parts\nfrom byoc.artefact import write_artefact\n"
        "given = parts()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "write_artefact(sys.argv[1], *given)\n"
    )
    done = _python(code, tmp_path / "m.so")
    assert done.returncode != 0
    assert "UsageError" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing(tmp_path):
    compiler = tmp_path / "cc"
    compiler.touch(0o755)
    out = tmp_path / "out"
    out.mkdir()
    code = (
        "import os, sys\nfrom tests.test_artefact import parts\nfrom byoc.artefact import write_artefact\n"
        "given = parts()\nfrom pathlib import Path\n"
        "cc = Path(sys.argv[2]); cc.write_text(f'#!/bin/sh\\nkill -INT {os.getpid()}\\nsleep 1\\nexit 1\\n')\n"
        "os.environ['CXX'] = str(cc)\n"
        "write_artefact(sys.argv[1], *given)\n"
    )
    done = _python(code, out / "m.so", compiler)
    assert done.returncode in (-signal.SIGINT, 130, 1)
    assert "KeyboardInterrupt" in done.stderr
    assert list(out.iterdir()) == []


def test_a_signature_is_kept_and_asked_for(tmp_path):
    pytest.importorskip("cryptography")
    key, public, other = (tmp_path / name for name in ("key.pem", "public.pem", "other.pem"))
    key.write_text(KEY)
    _public(key, public)
    other.write_text(KEY.replace("IAAB", "IABB"))
    _public(other, other)
    given = parts()
    signed = write_artefact(tmp_path / "signed.so", *given, key=key)
    assert read_artefact(signed.path).signature is not None
    read_artefact(signed.path).require_signature(public)
    with pytest.raises(ArtefactError, match=r"signed with the key .*expected"):
        read_artefact(signed.path).require_signature(other)
    assert write_artefact(tmp_path / "again.so", *parts(), key=key).signature == signed.signature


def test_a_missing_signature_is_refused(written, tmp_path):
    pytest.importorskip("cryptography")
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    key.write_text(KEY)
    _public(key, public)
    with pytest.raises(ArtefactError, match=r"is not signed.*--sign"):
        written.require_signature(public)


def test_a_signature_of_other_content_is_refused(written, tmp_path):
    pytest.importorskip("cryptography")
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    key.write_text(KEY)
    _public(key, public)
    signed = write_artefact(tmp_path / "signed.so", *parts(), key=key)
    data = signed.path.read_bytes()
    found = re.search(rb'"value":"([0-9a-f]{2})', data)
    assert found is not None
    other = b"00" if found[1] != b"00" else b"11"
    path = tmp_path / "other.so"
    path.write_bytes(data[: found.start(1)] + other + data[found.end(1) :])
    with pytest.raises(ArtefactError, match="signature is not of this content"):
        read_artefact(path)


def test_a_key_that_is_none_is_refused_before_any_work(tmp_path):
    pytest.importorskip("cryptography")
    key = tmp_path / "key.pem"
    key.write_text("none")
    with pytest.raises(UsageError, match=r"no Ed25519 private key.*openssl genpkey"):
        write_artefact(tmp_path / "m.so", None, replace(parts()[1], segments=()), {}, {}, key=key)


def test_segments_that_share_weights_store_them_once(tmp_path):
    source = script(
        "a = matmul(x, w); b = tanh(a); c = matmul(b, w) -> c", x=(2, 64), w=weight(64, 64)
    )
    executable, manifest, _, plan = parts(source, ["matmul"])
    shared = np.arange(4096, dtype="float32").tobytes()
    blobs = {each.name: Blob({"weights": shared}) for each in manifest.segments}
    read = write_artefact(tmp_path / "m.so", executable, manifest, blobs, plan)
    assert (tmp_path / "m.so").read_bytes().count(shared) == 1
    assert len(read.manifest.segments) == 2
    assert len(read.manifest.parts) == 2


def _public(key, path):
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    public = load_pem_private_key(key.read_bytes(), None).public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _python(code, *args):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
