"""How fast Relay text is read: 100,000 lines beside 10,000, the syntax tree alone and the whole import.

Times are medians of three runs in a process of their own, seconds of processor time.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from byoc.frontends.relay.module import convert_text
from byoc.frontends.relay.parser import parse

ROOT = Path(__file__).parent.parent
RUNS = 3
_TYPE = "Tensor[(1, 8, 8, 8), float32]"
_PARAMS = f"%x: {_TYPE}, %w: Tensor[(8, 8, 3, 3), float32], %b: Tensor[(8), float32]"
_CONVOLUTION = (
    "nn.conv2d({}, %w, padding=[1, 1, 1, 1], channels=8, kernel_size=[3, 3])",
    "nn.bias_add({}, %b)",
    "nn.relu({})",
)
_PLAIN = ("nn.bias_add({}, %b)", "nn.relu({})", "nn.leaky_relu({}, alpha=0.1f)")


def text(lines: int, forms: tuple[str, ...]) -> str:
    """A chain of calls as TVM prints it, with types and spans; `forms` have a place for the value before."""
    body, value = [], "%x"
    for line in range(lines):
        call = forms[line % len(forms)].format(value)
        body.append(f"  %{line} = {call} /* ty={_TYPE} span=node_{line}:0:0 */;\n")
        value = f"%{line}"
    head = f'#[version = "0.0.5"]\ndef @main({_PARAMS}) -> {_TYPE} {{\n'
    return f"{head}{''.join(body)}  add({value}, %x) /* ty={_TYPE} */\n}}\n"


def tree() -> dict[str, Any]:
    """The syntax tree of 100,000 lines, a third of them convolutions, beside that of 10,000."""
    return _beside("tree")


def whole() -> dict[str, Any]:
    """The import of 100,000 lines beside that of 10,000; TVM's inference of a convolution would be most of it."""
    return _beside("whole")


def _beside(part: str) -> dict[str, Any]:
    small, large = (_child(part, str(lines)) for lines in (10_000, 100_000))
    return {
        "byoc": round(large["seconds"], 3),
        "small": round(small["seconds"], 3),
        "ratio": round(large["seconds"] / small["seconds"], 1),
        "mib": large["mib"],
    }


def _child(part: str, lines: str) -> Any:
    command = [sys.executable, "-m", "bench.relay", part, lines]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(done.stdout)


def one(part: str, lines: int) -> dict[str, Any]:
    """One size in this process: the median time and the peak memory."""
    work = _WORK[part]
    forms = _CONVOLUTION if part == "tree" else _PLAIN
    work(text(10, forms))
    given = text(lines, forms)
    seconds = []
    for _ in range(RUNS):
        start = process_time()
        work(given)
        seconds.append(process_time() - start)
    return {
        "seconds": median(seconds),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


_WORK: dict[str, Callable[[str], Any]] = {
    "tree": lambda given: parse(given, "m"),
    "whole": lambda given: convert_text(given, {}, {}, {}, "m"),
}


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], int(sys.argv[2]))))
