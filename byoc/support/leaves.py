"""The scalars of a support table: sizes, dimensions, dtypes, signatures; what is wrong with them in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from byoc.errors import nearest

DTYPES: Final = (
    *("bool", "int1", "int2", "int4", "int8", "int16", "int32", "int64"),
    *("uint1", "uint2", "uint4", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "bfloat16"),
    *("float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz"),
    *("float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
    *("float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"),
)
"""The dtypes of TVM 0.27 that a tensor can have."""

UNITS: Final = {
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_DIM = re.compile(r"(?:(?P<low>\d*)\.\.(?P<high>\d*))?(?:%(?P<multiple>[1-9]\d*))?(?P<open>\?)?")
_SIGNATURE = re.compile(r"\((?P<inputs>[^()]*)\)\s*->\s*(?P<outputs>\([^()]*\)|[^()]+)")


@dataclass(frozen=True, slots=True)
class DimSpec:
    """What one dimension may be: bounds (None is open), a divisor, and whether it may be unknown (`?`)."""

    low: int | None = None
    high: int | None = None
    multiple: int = 1
    symbolic: bool = False

    def allows(self, extent: int) -> bool:
        """Whether a known extent fits."""
        return (
            (self.low is None or extent >= self.low)
            and (self.high is None or extent <= self.high)
            and extent % self.multiple == 0
        )

    @property
    def words(self) -> str:
        """`1..8192`, `a multiple of 16`, `any extent`, as documentation and refusals say it."""
        parts = []
        if self.low is not None and self.low == self.high:
            parts.append(str(self.low))
        elif self.low is not None and self.high is not None:
            parts.append(f"{self.low} to {self.high}")
        elif self.low is not None:
            parts.append(f"at least {self.low}")
        elif self.high is not None:
            parts.append(f"at most {self.high}")
        if self.multiple > 1:
            parts.append(f"a multiple of {self.multiple}")
        words = " and ".join(parts)
        if self.symbolic:
            return f"{words} or unknown" if words else "any extent, known or not"
        return words or "any extent"


@dataclass(frozen=True, slots=True)
class Signature:
    """The dtypes of inputs and outputs in order; `*` is any. One dtype without arrow is `every` tensor's."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    every: str = ""

    @property
    def words(self) -> str:
        """The signature as the table writes it."""
        if self.every:
            return self.every
        outputs = ", ".join(self.outputs)
        return f"({', '.join(self.inputs)}) -> " + (
            outputs if len(self.outputs) == 1 else f"({outputs})"
        )


def parse_size(text: str) -> int | None:
    """`512KiB` as bytes, or None when `text` is no size. Raises ValueError for an unknown unit."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    number, unit = found.groups()
    if unit not in UNITS:
        known = ", ".join(UNITS)
        raise ValueError(f"{unit!r} is no unit of size{nearest(unit, UNITS)} (units: {known})")
    return int(float(number) * UNITS[unit]) if "." in number else int(number) * UNITS[unit]


def parse_dim(entry: int | str) -> DimSpec | None:
    """Read a dimension: 3, "%16", "1..8192", "16..", "..64", "1..512%8", "*", "?"; a final `?` allows unknown ones.

    "..." (any number of dimensions) is None. Raises ValueError for anything else.
    """
    if isinstance(entry, int):
        if entry < 0:
            raise ValueError(f"a dimension cannot be {entry}")
        return DimSpec(entry, entry)
    if entry == "...":
        return None
    if entry == "*":
        return DimSpec()
    if entry.rstrip("?").isdigit() and entry.endswith("?"):
        exact = int(entry[:-1])
        return DimSpec(exact, exact, symbolic=True)
    found = _DIM.fullmatch(entry)
    if not entry or found is None or entry.strip("?") == "..":
        raise ValueError(
            f'{entry!r} is no dimension; write an extent, "%16", "1..8192", "*", "?" or "..."'
        )
    low, high = (int(found[side]) if found[side] else None for side in ("low", "high"))
    if low is not None and high is not None and low > high:
        raise ValueError(f"{entry!r} holds nothing: {low} is larger than {high}")
    return DimSpec(low, high, int(found["multiple"] or 1), bool(found["open"]))


def parse_signature(text: str) -> Signature:
    """Read `float32` or `(int8, int8) -> int8`. Raises ValueError with the nearest dtype."""
    if "->" not in text and "(" not in text:
        return Signature(every=_dtype(text.strip(), wildcard=False))
    found = _SIGNATURE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'{text!r} is no signature; write it like "(int8, int8) -> int8"')
    return Signature(
        tuple(_dtype(each.strip()) for each in found["inputs"].split(",") if each.strip()),
        tuple(_dtype(each.strip()) for each in found["outputs"].strip("() ").split(",")),
    )


def _dtype(name: str, *, wildcard: bool = True) -> str:
    if name in DTYPES or (wildcard and name == "*"):
        return name
    raise ValueError(f"{name!r} is no dtype{nearest(name, DTYPES)}")


def plain_sizes(value: Any) -> Any:
    """`value` with every text that is a size (`512KiB`) as a number of bytes, at any depth."""
    if isinstance(value, dict):
        return {key: plain_sizes(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_sizes(each) for each in value]
    if isinstance(value, str):
        found = _SIZE.fullmatch(value)
        return parse_size(value) if found and found[2] in UNITS else value
    return value
