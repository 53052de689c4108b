"""Hardware: a chip of the family, read from configs/*.yaml. Everything else derives its limits from it."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import asdict, astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

CONFIGS: Final = Path(__file__).with_name("configs")


@dataclass(frozen=True, slots=True)
class Hardware:
    """A chip. Units: bytes, cycles, bytes a cycle, MHz; in the order in which a program's header has them.

    The matrix unit is `rows` x `columns` cells; a cell does `rate_*` multiply-accumulates of a dtype a cycle, so
    that one step takes `rows * rate` values of k (`depth`). `lanes` is how many elements the vector unit does a
    cycle, `special` how many cycles a division or transcendental function takes. `accumulators` are rows
    of `columns` lanes of 32 bits. `load_bandwidth` and `store_bandwidth` are what each direction of the DMA engine
    moves at most, `bandwidth` what DRAM gives both together; DRAM is read in bursts of `burst` bytes.
    """

    rows: int
    columns: int
    rate_float32: int
    rate_bfloat16: int
    rate_int8: int
    lanes: int
    special: int
    scratchpad: int
    banks: int
    accumulators: int
    queue: int
    load_bandwidth: int
    store_bandwidth: int
    bandwidth: int
    load_latency: int
    store_latency: int
    burst: int
    matrix_latency: int
    vector_latency: int
    clock: int

    def rate(self, dtype: str) -> int:
        """Multiply-accumulates of a cell a cycle, for operands of `dtype` (float32, bfloat16, int8, uint8)."""
        rates = {"float32": self.rate_float32, "bfloat16": self.rate_bfloat16}
        return rates.get(dtype, self.rate_int8)

    def depth(self, dtype: str) -> int:
        """Values of k that the matrix unit takes in one step."""
        return self.rows * self.rate(dtype)

    def peak(self, dtype: str) -> int:
        """Multiply-accumulates a cycle."""
        return self.columns * self.depth(dtype)

    @property
    def block(self) -> bytes:
        """The figures as a program's header has them: u32 each, 128 bytes."""
        figures = astuple(self)
        return struct.pack(f"<{len(figures)}I", *figures).ljust(128, b"\0")

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of `block`: programs run on chips of equal figures."""
        return hashlib.sha256(self.block).digest()


def table_figures(hardware: Hardware) -> dict[str, int]:
    """What the support table reads as `hw`: the figures, and `depth`, that of one float32 step."""
    return {**asdict(hardware), "depth": hardware.depth("float32")}


def chips() -> tuple[str, ...]:
    """The names of the chips that ship."""
    return tuple(sorted(path.stem for path in CONFIGS.glob("*.yaml")))


@cache
def load(name: str) -> Hardware:
    """The chip `name` of `chips()`."""
    return Hardware(**figures(name))


def figures(name: str) -> dict[str, Any]:
    """What configs/NAME.yaml says."""
    from ruamel.yaml import YAML

    text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(YAML(typ="safe").load(text))
