"""What several subcommands read from the command line: choices, shapes, counts, vendor options."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from byoc.errors import UsageError, nearest

_COUNT = re.compile(r"([0-9]{1,18})|([0-9]{1,15}(?:\.[0-9]{1,15})?)([kMGT])")
_BYTES = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(KiB|MiB|GiB|TiB|k|M|G|T)?B?")
_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Choice(click.Choice[str]):
    """A choice that answers an unknown value with the nearest one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return `value` when it is one of the choices."""
        if value in self.choices:
            return str(value)
        known = ", ".join(self.choices)
        return self.fail(
            f"{value!r} is none of {known}{nearest(str(value), self.choices)}", param, ctx
        )


format_option = click.option(
    "--format",
    "form",
    type=Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to report on stdout.",
)
"""`--format text|json`, as the argument `form`."""


shape_option = click.option(
    "--shape",
    "shapes",
    metavar="NAME=SHAPE",
    multiple=True,
    help="Bind an input (input=1,3,224,224) or a symbolic dimension (batch=8).",
)
"""`--shape NAME=SHAPE`, of a model that is imported; `read_shapes` reads the texts."""

params_option = click.option(
    "--params",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The parameters of a Relay model (*.relay): .params or .npz.",
)
"""`--params FILE`, of a model that is imported."""


def qnn_option(default: str | None = "qdq") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--qnn FORM`, of a model that is imported."""
    return click.option(
        "--qnn",
        type=Choice(["qdq", "integer"]),
        default=default,
        show_default=default is not None,
        help="Quantised operators of a Relay model: as in ONNX, or the integers Relay computes.",
    )


def count(text: str) -> int:
    """Read a count, with a unit if wanted: `4000`, `1.5M`, `2G`."""
    found = _COUNT.fullmatch(text)
    if found is None:
        raise click.BadParameter(
            f"{text!r} is no count; expected one such as 4000, 20k, 1.5M or 2G"
        )
    return int(found[1]) if found[1] else round(float(found[2]) * _UNITS[found[3]])


def byte_count(text: str) -> int:
    """Read a number of bytes: `4000000000`, `4G`, `3.5GiB`."""
    found = _BYTES.fullmatch(text)
    if found is None or float(found[1]) == 0:
        raise click.BadParameter(
            f"{text!r} is no number of bytes; expected one such as 4000000000, 4G or 512MiB"
        )
    return round(float(found[1]) * {**_UNITS, **_BINARY}.get(found[2], 1))


def positive_seconds(text: str) -> float:
    """Read a time limit in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise click.BadParameter(f"{text!r} is no positive number of seconds")
    return value


def read_shapes(given: Sequence[str]) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Read `--shape` texts: whole shapes by input, and extents by symbolic dimension.

    `input=1,3,224,224` binds an input, `tokens=8,` an input of rank 1, `batch=8` a dimension. Raises UsageError.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    dims: dict[str, int] = {}
    for text in given:
        name, equals, value = text.rpartition("=")
        if not name or not equals:
            raise _bad_shape(text, "there is no NAME= in it")
        if name in shapes or name in dims:
            raise _bad_shape(text, f"{name!r} is bound twice")
        extents = _extents(text, value)
        if "," in value:
            shapes[name] = extents
        else:
            dims[name] = extents[0]
    return shapes, dims


def read_vendor_options(
    given: Sequence[str], vendors: Sequence[str] | None = None
) -> dict[str, dict[str, str]]:
    """Read `--vendor-option VENDOR.KEY=VALUE` texts: each vendor's options, as texts.

    Raises UsageError, also for a vendor that is none of `vendors` where these are known.
    """
    options: dict[str, dict[str, str]] = {}
    for text in given:
        left, equals, value = text.partition("=")
        vendor, dot, key = left.partition(".")
        if not (vendor and dot and key and equals):
            raise UsageError(
                f"--vendor-option {text!r}: expected VENDOR.KEY=VALUE, as in npu.cores=2"
            )
        if vendors is not None and vendor not in vendors:
            asked = ", ".join(vendors)
            raise UsageError(
                f"--vendor-option {text!r}: vendor {vendor!r} is not asked (--vendor {asked})"
                f"{nearest(vendor, vendors)}"
            )
        if key in options.setdefault(vendor, {}):
            raise UsageError(f"--vendor-option {text!r}: {left} is given twice")
        options[vendor][key] = value
    return options


def _extents(text: str, value: str) -> tuple[int, ...]:
    parts = value.removesuffix(",").split(",")
    for part in parts:
        if not re.fullmatch(r"[0-9]{1,18}", part.strip()) or int(part) == 0:
            raise _bad_shape(text, f"{part.strip()!r} is no positive whole number")
    return tuple(int(part) for part in parts)


def _bad_shape(text: str, problem: str) -> UsageError:
    return UsageError(
        f"--shape {text!r}: {problem}; expected NAME=1,3,224,224 for an input (NAME=8, for one of rank 1) or DIM=8 "
        "for a symbolic dimension"
    )
