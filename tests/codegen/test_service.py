"""Vendors' compilers in processes of their own: what they really do to them, and that the run goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from byoc.blob import Blob
from byoc.codegen.cache import Cache
from byoc.codegen.compiled import CompiledSegment
from byoc.codegen.service import Codegen
from byoc.errors import PluginError, UsageError
from byoc.options import Observer, SegmentEvent
from byoc.plugins import Plugins
from byoc.support.refusal import Refusal
from tests.codegen.build import chain, segment_of
from tests.partition.build import module

MEMORY = 600 << 20


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children(recursive=True)}


def answer(plugins: Plugins, fault: str, **options: Any) -> CompiledSegment | Refusal:
    with Codegen(plugins, {"badchip": {"fault": fault}}, **options) as codegen:
        (given,) = codegen.compile([chain("badchip")])
    return given


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("raise", "raised RuntimeError: the scheduler ran out of registers"),
        ("abort", "died (SIGABRT); its last words: assertion failed: live < 32"),
        ("segv", "died (SIGSEGV); its last words: compiling the vector unit"),
        ("exit0", "ended with exit code 0 and without an answer"),
        ("exit", "raised SystemExit: no licence"),
        ("garbage", "answered '0xdeadbeef' of type str; expected a byoc.Blob"),
    ],
)
def test_a_failure_is_a_refusal_in_the_vendors_last_words(
    plugins: Plugins, fault: str, words: str
) -> None:
    given = answer(plugins, fault)
    assert isinstance(given, Refusal)
    assert (given.code, given.vendor) == ("codegen-failed", "badchip")
    assert given.message.startswith(f"byoc_codegen of chips-byoc 1.0 {words}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("empty", "gave an empty Blob; expected at least one byte"),
        ("no-parts", "gave an empty Blob; expected at least one byte"),
        ("wrong-parts", "whose part 'code' is 'text, not bytes' of type str; expected bytes"),
        ("wrong-report", "whose report is no JSON: Object of type object is not JSON serializable"),
        ("wrong-orders", "with an order for 'no such port'; expected one of the segment's ports"),
    ],
)
def test_an_answer_that_does_not_hold_together_is_refused(
    plugins: Plugins, fault: str, words: str
) -> None:
    given = answer(plugins, fault)
    assert isinstance(given, Refusal)
    assert words in given.message


def test_a_hang_ends_at_the_time_limit(plugins: Plugins) -> None:
    given = answer(plugins, "hang", timeout=1)
    assert isinstance(given, Refusal)
    assert given.message == "byoc_codegen of chips-byoc 1.0 gave no answer within 1 s"


def test_memory_is_limited(plugins: Plugins) -> None:
    given = answer(plugins, "bomb", memory=MEMORY)
    assert isinstance(given, Refusal)
    is_said = any(words in given.message for words in (f"more than the {MEMORY:,}", "MemoryError"))
    assert is_said, given.message


def test_children_that_stay_behind_are_ended(plugins: Plugins) -> None:
    before = children()
    given = answer(plugins, "fork")
    assert isinstance(given, CompiledSegment)
    deadline = time.monotonic() + 10
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    sleepers = [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if "byoc.codegen.worker" in " ".join(each.info["cmdline"] or ())
        and each.pid in children() - before
    ]
    assert sleepers == []


def test_noise_on_standard_output_stays_out(
    plugins: Plugins, capfd: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(answer(plugins, "noise"), CompiledSegment)
    assert capfd.readouterr().out == ""


def test_a_refusal_may_name_nodes(plugins: Plugins) -> None:
    given = answer(plugins, "refuse-nodes")
    assert given == Refusal("codegen-failed", "the vector unit has no exp", "", "badchip", ("v3",))


def calls(log: Path) -> int:
    return log.read_text("utf-8").count("codegen") if log.exists() else 0


def test_the_second_run_calls_no_vendor(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODCHIP_LOG", str(tmp_path / "log"))
    cache = Cache(tmp_path / "cache")
    blobs = []
    for _ in range(2):
        with Codegen(plugins, {"goodchip": {"licence": "secret-123"}}, cache=cache) as codegen:
            (given,) = codegen.compile([chain()])
        assert isinstance(given, CompiledSegment)
        blobs.append(given.blob)
    assert calls(tmp_path / "log") == 1
    assert given.cached
    assert (given.maker.plugin, given.maker.toolchain) == ("chips-byoc 1.0", "1.0")
    assert "licence" not in given.maker.options
    assert blobs[0].named == blobs[1].named
    # A secret counts, and is nowhere to be read.
    for path in (tmp_path / "cache").rglob("*"):
        assert path.is_dir() or b"secret-123" not in path.read_bytes()
    with Codegen(plugins, {"goodchip": {"licence": "another"}}, cache=cache) as codegen:
        codegen.compile([chain()])
    assert calls(tmp_path / "log") == 2


def test_a_damaged_entry_is_compiled_again(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODCHIP_LOG", str(tmp_path / "log"))
    cache = Cache(tmp_path / "cache")
    answers = []
    for _ in range(2):
        with Codegen(plugins, cache=cache) as codegen:
            answers += codegen.compile([chain()])
        for path in (tmp_path / "cache" / "v1" / "objects").rglob("*"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert calls(tmp_path / "log") == 2
    one, other = answers
    assert isinstance(one, CompiledSegment)
    assert isinstance(other, CompiledSegment)
    assert one.blob.named == other.blob.named


def test_failures_are_remembered_in_a_run_and_not_cached(plugins: Plugins, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with Codegen(plugins, {"badchip": {"fault": "refuse"}}, cache=cache) as codegen:
        for _ in range(2):
            (given,) = codegen.compile([chain("badchip")])
            assert isinstance(given, Refusal)
        assert codegen.calls == 1
    assert cache.usage().entries == 0


def test_equal_segments_are_compiled_once_and_answers_stand_in_order(plugins: Plugins) -> None:
    class Log(Observer):
        def __init__(self) -> None:
            self.events: list[SegmentEvent] = []
            self.counts: list[int] = []

        def segments(self, count: int) -> None:
            self.counts.append(count)

        def segment(self, event: SegmentEvent) -> None:
            self.events.append(event)

    log = Log()
    other = segment_of(module([("relu", [0])]))
    with Codegen(plugins, jobs=2, observer=log) as codegen:
        outcomes = codegen.run([chain(), other, chain()])
        assert codegen.calls == 2
    blobs = [each.answer for each in outcomes]
    assert all(isinstance(each, Blob) for each in blobs)
    assert blobs[0] == blobs[2] != blobs[1]
    assert log.counts == [3]
    states = [event.state for event in log.events]
    assert (states.count("started"), states.count("compiled")) == (2, 3)


@pytest.mark.parametrize("others", [(), ("onnx", "onnxruntime")])
def test_a_vendor_that_only_partitions_is_an_error_with_a_way_out(
    trouble: Path, monkeypatch: pytest.MonkeyPatch, others: tuple[str, ...]
) -> None:
    monkeypatch.syspath_prepend(str(trouble))
    plugins = Plugins.discover()
    plugins.entries = {name: plugins.entries[name] for name in ("picky", *others)}
    words = r"'picky' \(trouble-byoc .*only partitions.*no byoc_codegen hook.*`byoc partition`"
    with Codegen(plugins) as codegen, pytest.raises(PluginError, match=words) as caught:
        codegen.compile([chain("picky")])
    assert str(caught.value).endswith(f": {', '.join(others) or 'none is installed'}")


@pytest.mark.parametrize("name", ["jobs", "timeout", "memory"])
def test_limits_are_more_than_nothing(plugins: Plugins, name: str) -> None:
    given: dict[str, Any] = {name: 0}
    with pytest.raises(UsageError, match=f"{name} is 0; expected more than nothing"):
        Codegen(plugins, **given)
