"""The forms of fields in text: how each is written and read. Reader and writer share them, so that they agree.

A `Setting` is one `key=value` of a line; its form turns the values of one or more fields into text and back.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from byoc import nearest
from byoc.vendors.npu import isa

Values = tuple[Any, ...]


class FormError(Exception):
    """What is wrong with a piece of text, and how many characters into it."""

    def __init__(self, what: str, offset: int = 0) -> None:
        self.what, self.offset = what, offset
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Setting:
    """`key=value`, which stands for these fields; left out where `write` gives None."""

    key: str
    fields: tuple[str, ...]
    read: Callable[[str], Values]
    write: Callable[[Values], str | None]


def word(value: IntEnum) -> str:
    """How a member of an enumeration is written."""
    return value.name.lower()


def words(kind: type[IntEnum]) -> dict[str, Any]:
    """The members of `kind` by how they are written."""
    return {word(each): each for each in kind}


def known(text: str, table: Mapping[str, Any], what: str) -> Any:
    """The entry `text` of `table`; FormError with the nearest one if there is none."""
    if text in table:
        return table[text]
    raise FormError(
        f"unknown {what} {text!r}{nearest(text, table) or '; known: ' + ', '.join(table)}"
    )


_NUMBER: Final = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)")


def integer(text: str, low: int = -(2**31), high: int = 2**31 - 1) -> int:
    """A whole number, decimal or 0x..., from `low` to `high`."""
    if not _NUMBER.fullmatch(text):
        raise FormError(f"expected a whole number, not {text!r}")
    number = int(text, 16 if "x" in text.lower() else 10)
    if not low <= number <= high:
        raise FormError(f"{text} is beyond {low} to {high}")
    return number


def real(text: str) -> float:
    """A number, rounded to float32."""
    try:
        return float32(float(text))
    except (ValueError, OverflowError):
        raise FormError(f"expected a number that float32 can hold, not {text!r}") from None


def float32(value: float) -> float:
    """`value` rounded to float32."""
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    return float(rounded)


def shortest(value: float) -> str:
    """The shortest text that `real` reads as `value`, rounded to float32."""
    return _shortest(struct.pack("<f", value))


@lru_cache(maxsize=4096)
def _shortest(data: bytes) -> str:
    (value,) = struct.unpack("<f", data)
    texts = (f"{value:.{digits}g}" for digits in range(6, 9))
    same = (
        text for text in texts if abs(float(text)) <= _LARGEST and float32(float(text)) == value
    )
    return next(same, f"{value:.9g}")


_LARGEST: Final = 3.4028234663852886e38


def pieces(text: str, count: int | None = None) -> list[str]:
    """What stands between the commas of `(a, b)`; FormError unless there are `count`."""
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else None
    if inner is None:
        raise FormError(f"expected a list in parentheses, not {text!r}")
    found = [each.strip() for each in inner.split(",")]
    if count is not None and len(found) != count:
        raise FormError(f"expected {count} values, not {len(found)}")
    return found


def _number(key: str, default: int, field: str = "") -> Setting:
    return Setting(
        key,
        (field or key,),
        lambda text: (integer(text),),
        lambda values: None if values == (default,) else str(values[0]),
    )


def _numbers(key: str, *fields: str) -> Setting:
    def write(values: Values) -> str | None:
        return f"({', '.join(map(str, values))})" if any(values) else None

    def read(text: str) -> Values:
        return tuple(integer(each) for each in pieces(text, len(fields)))

    return Setting(key, fields, read, write)


def _counts(text: str, count: int) -> Values:
    found = tuple(integer(each) for each in text.split("x"))
    if len(found) != count:
        raise FormError(
            f"expected {count} numbers, as in {'x'.join('248'[:count])}, not {len(found)}"
        )
    return found


def _shape(key: str, *fields: str) -> Setting:
    """Fields that are extents: `8x28`."""
    return Setting(
        key,
        fields,
        lambda text: _counts(text, len(fields)),
        lambda values: "x".join(map(str, values)),
    )


_SHAPE: Final = Setting(
    "shape",
    ("shape",),
    lambda text: (_counts(text, 3),),
    lambda values: "x".join(map(str, values[0])),
)

_STRIDES: Final = Setting(
    "strides",
    ("strides",),
    lambda text: (tuple(integer(each) for each in pieces(text, 3)),),
    lambda values: f"({', '.join(map(str, values[0]))})" if any(values[0]) else None,
)

_DTYPES: Final = words(isa.Dtype)

_TYPES: Final = Setting(
    "types",
    ("dtype_a", "dtype_b"),
    lambda text: tuple(known(each, _DTYPES, "type") for each in pieces(text, 2)),
    lambda values: f"({', '.join(map(word, values))})" if any(values) else None,
)


def _bits(text: str) -> Values:
    number = integer(text, -(2**31), 2**32 - 1)
    return (number - 2**32 if number >= 2**31 else number,)


def bits(value: int) -> str:
    """How the bits of an element are written: in hexadecimal unless it is a small number."""
    return str(value) if -256 <= value < 256 else f"{value & 0xFFFFFFFF:#x}"


def bit_pattern(text: str) -> int:
    """What `bits` writes."""
    number: int = _bits(text)[0]
    return number


_FILL: Final = Setting(
    "fill", ("fill",), _bits, lambda values: bits(values[0]) if values[0] else None
)

_ACTS: Final = words(isa.Act)
_ACT: Final = re.compile(r"([a-z_0-9]+)(\(.*\))?", re.IGNORECASE)


def _read_act(text: str) -> Values:
    found = _ACT.fullmatch(text)
    if not found:
        raise FormError(f"expected a function, as relu or clip(0, 6), not {text!r}")
    name, given = found.groups()
    p, q = map(real, pieces(given, 2)) if given else (0.0, 0.0)
    return known(name, _ACTS, "function"), p, q


def _write_act(values: Values) -> str | None:
    act, *given = values
    if not any(map(_stored, given)):
        return word(act) if act else None
    return f"{word(act)}({', '.join(map(shortest, given))})"


def _stored(value: float) -> bytes | None:
    """The bits of a number, None for zeros; minus zero is not zero."""
    data = struct.pack("<f", value)
    return data if any(data) else None


_EACH: Final = Setting(
    "each",
    ("each",),
    lambda text: (known(text, {"yes": True, "no": False}, "answer"),),
    lambda values: None if values[0] else "no",
)

_FACTOR: Final = Setting(
    "factor",
    ("factor",),
    lambda text: (real(text),),
    lambda values: None if values == (1.0,) else shortest(values[0]),
)

ONE: Final = isa.Dim(1, 0, 0)

_DIM: Final = re.compile(r"(?:(\d+)\s*\+\s*)?(\d+)(?:\s*\+\s*(\d+))?\s*@\s*([^:\s]+)\s*:\s*(\S+)")


def _read_dims(text: str) -> Values:
    found = [_dim(each) for each in pieces(text)]
    if len(found) > 4:
        raise FormError(f"a transfer has at most 4 dimensions, not {len(found)}")
    return ((*(ONE,) * (4 - len(found)), *found),)


def _dim(text: str) -> isa.Dim:
    """`count@dram:sp`, with padding `before+count+after@dram:sp`."""
    found = _DIM.fullmatch(text)
    if not found or (found[1] is None) != (found[3] is None):
        raise FormError(
            f"expected count@dram stride:sp stride, or before+count+after@..., not {text!r}"
        )
    before, after = (integer(found[each] or "0", 0, 2**16 - 1) for each in (1, 3))
    count = integer(found[2], 0, 2**32 - 1)
    return isa.Dim(count, integer(found[4]), integer(found[5]), before, after)


def _write_dims(values: Values) -> str | None:
    kept = list(values[0])
    while kept and kept[0] == ONE:
        del kept[0]
    return f"({', '.join(map(_dim_text, kept))})" if kept else None


def _dim_text(dim: isa.Dim) -> str:
    padded = f"{dim.before}+{dim.count}+{dim.after}" if dim.before or dim.after else str(dim.count)
    return f"{padded}@{dim.dram}:{dim.sp}"


_SIZE: Final = _number("size", 4)
_DIMS: Final = Setting("dims", ("dims",), _read_dims, _write_dims)
_PIXELS: Final = (_numbers("am", "am1", "am0"), _numbers("ak", "ak2", "ak1"))
_OPERANDS: Final = (_TYPES, _numbers("zero", "zero_a", "zero_b"))


def _by_key(*settings: Setting) -> dict[str, Setting]:
    return {each.key: each for each in settings}


SETTINGS: Final[Mapping[type[Any], Mapping[str, Setting]]] = {
    isa.Load: _by_key(_SIZE, _DIMS, _FILL),
    isa.Store: _by_key(_SIZE, _DIMS),
    isa.Mm: _by_key(
        _shape("m", "m1", "m0"),
        Setting("n", ("n",), lambda text: (integer(text),), lambda values: str(values[0])),
        _shape("k", "k2", "k1", "k0"),
        *_PIXELS,
        _number("accn", 0),
        _number("bn", 0),
        *_OPERANDS,
    ),
    isa.Vec: _by_key(_SHAPE, Setting("act", ("act", "p", "q"), _read_act, _write_act), _EACH),
    isa.Red: _by_key(_SHAPE, _FACTOR),
    isa.Win: _by_key(
        _shape("m", "m1", "m0"),
        _shape("k", "k2", "k1"),
        _number("channels", 1),
        *_PIXELS,
        _number("accn", 0),
        _number("bk", 0),
        *_OPERANDS,
    ),
    isa.Fill: _by_key(_SIZE, _SHAPE, _STRIDES),
}
"""The settings of each instruction, in the order in which they are written."""


WAITS: Final = {
    "load": isa.Tokens.WAIT_LOAD,
    "compute": isa.Tokens.WAIT_COMPUTE,
    "store": isa.Tokens.WAIT_STORE,
}
SIGNALS: Final = {
    "load": isa.Tokens.SIGNAL_LOAD,
    "compute": isa.Tokens.SIGNAL_COMPUTE,
    "store": isa.Tokens.SIGNAL_STORE,
}


def tokens(text: str) -> int:
    """`wait(load, store)` or `signal(compute)` as bits of Tokens."""
    name, _, rest = text.partition("(")
    table = WAITS if name == "wait" else SIGNALS
    found = 0
    for each in pieces(f"({rest}"):
        found |= int(known(each, table, "queue"))
    return found


def token_words(given: isa.Tokens) -> Iterable[str]:
    """What `tokens` reads: nothing, a wait, a signal or both."""
    for name, table in (("wait", WAITS), ("signal", SIGNALS)):
        queues = [queue for queue, bit in table.items() if given & bit]
        if queues:
            yield f"{name}({', '.join(queues)})"
