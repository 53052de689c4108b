"""Numbers and names as a reader wants them: at most three significant digits, units, nothing unprintable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from math import floor, isfinite, prod

from byoc.partition.plan import TensorInfo

_DIGITS = re.compile(r"\d+")


def scaled(value: float, step: int, units: tuple[str, ...]) -> str:
    """`value` with the largest of `units` (each `step` times the one before) that leaves at least 1."""
    power = 0
    while value >= step and power + 1 < len(units):
        value, power = value / step, power + 1
    digits = 0 if power == 0 or value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {units[power]}".rstrip()


def macs(value: int | None) -> str:
    """Multiply-accumulates: `118 M`; `?` when a dimension is unknown."""
    return "?" if value is None else scaled(value, 1000, ("", "k", "M", "G", "T"))


def size(value: int | None) -> str:
    """Bytes: `588 KiB`; `?` when a dimension is unknown."""
    return "?" if value is None else scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def duration(seconds: float) -> str:
    """A time: `1.23 s`, `4.56 ms`, `789 ns`."""
    for unit, step in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        value = seconds / step
        if value >= 0.9995:
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:,.{digits}f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def share(part: int, whole: int) -> str:
    """`part` of `whole` in percent; 100 % and 0 % are said only when they are exact, - when `whole` is 0."""
    if whole == 0:
        return "-"
    if 0 < part * 1000 < whole:
        return "<0.1 %"
    return f"{floor(part * 1000 / whole) / 10:.1f} %" if part < whole else "100 %"


def plural(number: int, noun: str) -> str:
    """`1 op`, `2 ops`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def tally(names: Iterable[str], limit: int) -> str:
    """Each name with how often it came, most frequent first: `add x3, nn.relu`; `limit` kinds at most."""
    counts = Counter(names).most_common()
    shown = [f"{name} x{times}" if times > 1 else name for name, times in counts[:limit]]
    if len(counts) > limit:
        shown.append(plural(len(counts) - limit, "more kind"))
    return ", ".join(shown)


def tensors_bytes(tensors: Iterable[TensorInfo]) -> int | None:
    """The bytes of all `tensors`; None when a dimension or a dtype's width is unknown."""
    total = 0
    for tensor in tensors:
        bits = _bits(tensor.dtype)
        if bits is None or tensor.shape is None:
            return None
        extents = [dim for dim in tensor.shape if isinstance(dim, int)]
        if len(extents) != len(tensor.shape):
            return None
        total += (prod(extents) * bits + 7) // 8
    return total


def clean(text: str) -> str:
    """`text` on one line, with control characters spelt out: a model's names must not drive a terminal."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def _bits(dtype: str) -> int | None:
    if dtype == "bool":
        return 8
    width = _DIGITS.search(dtype)
    return int(width.group()) if width else None


def number(value: float | None) -> str:
    """A value at three significant digits, whole numbers whole: `0.125`, `1.19e-07`, `16000`, `nan`; - for none."""
    if value is None:
        return "-"
    is_whole = value == round(value) if isfinite(value) else False
    return f"{value:.0f}" if is_whole and abs(value) < 1e6 else f"{value:.3g}"


def decibels(value: float | None) -> str:
    """A signal-to-noise ratio: `132 dB`; `exact` for an infinite one or none."""
    return "exact" if value is None or value == float("inf") else f"{value:.1f} dB"
