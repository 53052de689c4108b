"""Run the benchmarks: `python -m bench [PART ...] [--json]`, all parts by default.

Each part is a line of a table (of JSON with `--json`): byoc's seconds, those of what it stands beside, the ratio
and the target it has to meet. Parts of the reference NPU count cycles, which every machine finds the same. The exit
code is 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import cycles, overhead, partition, relay, run, startup

HEADINGS = ("part", "byoc s", "beside s", "ratio", "target", "verify s", "peak MiB", "")
WIDTHS = (10, 9, 19, 7, 11, 9, 9, 6)
CYCLE_HEADINGS = ("part", "cycles", "roofline", "ratio", "target", "beside", "", "")
CYCLE_WIDTHS = (10, 11, 11, 7, 11, 11, 26, 6)


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark. Its ratio has to be at least, or at most, so much; `beside` says what is compared."""

    run: Callable[[], dict[str, Any]]
    beside: str
    least: float | None = None
    most: float | None = None

    @property
    def target(self) -> str:
        """The target in words."""
        if self.least is not None:
            return f"at least {self.least:g}"
        return f"at most {self.most:g}" if self.most is not None else ""

    def holds(self, ratio: float) -> bool:
        """Whether the target is met."""
        too_low = self.least is not None and ratio < self.least
        return not too_low and (self.most is None or ratio <= self.most)


PARTS = {
    "chain": Part(partition.chain_of_4000, "TVM", least=10),
    "mixed": Part(partition.mixed, "TVM"),
    "alternate": Part(partition.alternating, "TVM"),
    "resnet50": Part(partition.resnet50, "TVM", least=7),
    "patterns": Part(partition.patterns, "3 patterns", most=2),
    "scale": Part(partition.scale, "10,000 ops", most=15),
    "relay": Part(relay.tree, "10,000 lines", most=12),
    "relay-in": Part(relay.whole, "10,000 lines", most=12),
    "help": Part(startup.help_page, "python -c pass", most=15),
    "import": Part(startup.importing, "python -c pass"),
    "ort-r50": Part(run.onnxruntime_resnet50, "session", most=1.05),
    "ort-sqz": Part(run.onnxruntime_squeezenet, "session", most=1.05),
    "ov-r50": Part(run.openvino_resnet50, "session", most=1.05),
    "ov-sqz": Part(run.openvino_squeezenet, "session", most=1.05),
    "host-r50": Part(run.host_resnet50, "onnxruntime", most=1.15),
    "host-sqz": Part(run.host_squeezenet, "onnxruntime", most=1.15),
    "npu-run": Part(run.npu_resnet50, "onnxruntime", most=40),
    "again": Part(run.second_compile, "first time", most=0.1),
    "native": Part(overhead.native_call, "us added to", most=1.5),
    "python": Part(overhead.python_call, "us added to", most=10),
}


def main(arguments: list[str]) -> int:
    """Run the parts that are named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*PARTS, *cycles.PARTS]))
    parser.add_argument("--json", action="store_true", help="a line of JSON for each part")
    given = parser.parse_args(arguments)
    known = {**PARTS, **cycles.PARTS}
    for name in given.parts:
        if name not in known:
            parser.error(f"there is no part {name!r}; expected some of {', '.join(known)}")
    chosen = given.parts or list(known)
    missed = sum(_timed(chosen, given.json)) + sum(_counted(chosen, given.json))
    return int(missed > 0)


def _timed(chosen: Sequence[str], as_json: bool) -> Iterator[bool]:
    """Run the parts that are timed; whether each misses its target."""
    names = [name for name in chosen if name in PARTS]
    if names and not as_json:
        print(_line(HEADINGS, WIDTHS))
    for name in names:
        part = PARTS[name]
        figures = part.run()
        holds = part.holds(figures["ratio"])
        line = {"part": name, "target": part.target, "holds": holds, **figures}
        print(json.dumps(line) if as_json else _row(name, part, figures), flush=True)
        yield not holds


def _counted(chosen: Sequence[str], as_json: bool) -> Iterator[bool]:
    """Run the parts that count cycles; whether each misses its target."""
    names = [name for name in chosen if name in cycles.PARTS]
    if names and not as_json:
        print(_line(CYCLE_HEADINGS, CYCLE_WIDTHS))
    for name in names:
        part = cycles.PARTS[name]
        figure = part.run()
        holds = part.least is None or figure.ratio >= part.least
        target = "" if part.least is None else f"at least {part.least:g}"
        if as_json:
            line = {"part": name, "target": target, "holds": holds, **asdict(figure)}
            print(json.dumps(line), flush=True)
        else:
            cells = (
                *(name, f"{figure.cycles:,}", f"{figure.roofline:,}", f"{figure.ratio:.3f}"),
                *(target, f"{figure.beside:,}", figure.words, "" if holds else "MISSED"),
            )
            print(_line(cells, CYCLE_WIDTHS), flush=True)
        yield not holds


def _row(name: str, part: Part, figures: dict[str, Any]) -> str:
    other = figures.get("tvm", figures.get("small", 0.0))
    return _line(
        (
            name,
            f"{figures['byoc']:.3f}",
            f"{part.beside} {other:.3f}",
            f"{figures['ratio']:g}",
            part.target,
            f"{figures['verify']:.3f}" if "verify" in figures else "",
            str(figures.get("mib", "")),
            "" if part.holds(figures["ratio"]) else "MISSED",
        ),
        WIDTHS,
    )


def _line(cells: tuple[str, ...], widths: tuple[int, ...]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return " ".join(padded).rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
