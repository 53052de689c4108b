"""The terminal during long work: stdout kept clean, a progress bar on a terminal only."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

NOISY = """
import ctypes, os
from byoc.cli._terminal import stdout_to_stderr
with stdout_to_stderr():
    print("from python")
    os.write(1, b"from a file descriptor\\n")
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    os.system("echo from a child")
print("the result")
"""

STAGES = """
import time
from byoc.cli._terminal import stage_progress
with stage_progress() as observer:
    for stage in ("import", "match", "plan"):
        observer.begin(stage)
        time.sleep(0.3)
        observer.end(stage, 0.3)
print("the result")
"""

SEGMENTS = """
import time
from byoc.cli._terminal import compile_progress
from byoc.options import SegmentEvent
with compile_progress() as observer:
    observer.begin("codegen")
    observer.segments(3)
    for name, state in (("npu_0", "cached"), ("npu_1", "compiled"), ("npu_2", "failed")):
        observer.segment(SegmentEvent(name, "npu", "started"))
        time.sleep(0.3)
        observer.segment(SegmentEvent(name, "npu", state))
        time.sleep(0.3)
print([each.state for each in observer.events if each.state != "started"])
"""


def test_whatever_is_printed_goes_to_stderr() -> None:
    run = subprocess.run([sys.executable, "-c", NOISY], capture_output=True, text=True, check=True)
    assert run.stdout == "the result\n"
    for who in ("python", "a file descriptor", "C", "a child"):
        assert f"from {who}\n" in run.stderr


def test_no_bar_away_from_a_terminal() -> None:
    run = subprocess.run([sys.executable, "-c", STAGES], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("the result\n", "")


def on_a_terminal(program: str) -> tuple[bytes, bytes]:
    """What `program` prints on stdout, and what a terminal on stderr is sent."""
    terminal, end = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    run = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=end, env=env
    )
    os.close(end)
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the other end is closed: the program has ended
            break
    os.close(terminal)
    out, _ = run.communicate(timeout=60)
    return out, shown


def test_a_bar_on_a_terminal_names_the_stage_and_goes_away() -> None:
    out, shown = on_a_terminal(STAGES)
    assert out == b"the result\n"
    assert b"import" in shown
    assert b"match" in shown
    assert shown.rstrip().endswith(b"\x1b[2K")


def test_the_bar_of_a_compilation_counts_segments() -> None:
    out, shown = on_a_terminal(SEGMENTS)
    assert out == b"['cached', 'compiled', 'failed']\n"
    for words in (b"codegen  0 of 3 npu_0", b"1 of 3, 1 cached npu_1", b"2 of 3, 1 cached npu_2"):
        assert words in shown
    assert shown.rstrip().endswith(b"\x1b[2K")
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown)
    assert all(len(line.decode()) <= 80 for line in re.split(rb"[\r\n]+", plain))
