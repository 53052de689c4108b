"""The options that say how a model is partitioned, declared once for every subcommand that takes them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from byoc.cli._options import (
    Choice,
    count,
    params_option,
    qnn_option,
    read_shapes,
    read_vendor_options,
    shape_option,
)
from byoc.errors import UsageError

if TYPE_CHECKING:
    from byoc.options import PartitionOptions

_OPTIONS = (
    click.option(
        "--vendor",
        "vendors",
        metavar="A",
        multiple=True,
        help="A vendor to ask; several, in order of preference.",
    ),
    shape_option,
    params_option,
    qnn_option(),
    click.option(
        "--min-ops",
        type=count,
        metavar="N",
        default="0",
        help="Leave segments of fewer ops on the host.",
    ),
    click.option(
        "--min-macs",
        type=count,
        metavar="N",
        default="0",
        help="Leave segments of fewer MACs on the host (20M works).",
    ),
    click.option(
        "--merge",
        type=Choice(["fewest", "connected"]),
        default="fewest",
        show_default=True,
        help="Grow segments to be the fewest, or along edges only.",
    ),
    click.option(
        "--vendor-option",
        "vendor_options",
        metavar="VENDOR.KEY=VALUE",
        multiple=True,
        help="Set an option of a vendor, such as the chip.",
    ),
)


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How to partition, as texts of the command line; reading them is `checked`."""

    vendors: tuple[str, ...]
    shapes: tuple[str, ...]
    params: Path | None
    qnn: Literal["qdq", "integer"]
    min_ops: int
    min_macs: int
    merge: Literal["fewest", "connected"]
    vendor_options: tuple[str, ...]

    def checked(self) -> CheckedPartitioning:
        """Read the texts. Raises UsageError."""
        if not self.vendors:
            raise UsageError(
                "no --vendor given; expected at least one, as in --vendor npu (`byoc vendors list` shows all)"
            )
        shapes, dims = read_shapes(self.shapes)
        return CheckedPartitioning(self, shapes, dims, self.options_of(self.vendors))

    def options_of(self, vendors: Sequence[str]) -> dict[str, dict[str, str]]:
        """The options of each of `vendors`, as texts. Raises UsageError."""
        return read_vendor_options(self.vendor_options, vendors)

    def refuse_given(self, why: str) -> None:
        """Raise UsageError for an option that was given, --vendor-option apart: `why` says why none may be."""
        given = {
            "--vendor": bool(self.vendors),
            "--shape": bool(self.shapes),
            "--params": self.params is not None,
            "--qnn": self.qnn != "qdq",
            "--min-ops": self.min_ops != 0,
            "--min-macs": self.min_macs != 0,
            "--merge": self.merge != "fewest",
        }
        for option in (name for name, was_given in given.items() if was_given):
            raise UsageError(f"{option} cannot go with {why}; leave it out")


@dataclass(frozen=True, slots=True)
class CheckedPartitioning:
    """A Partitioning whose texts have been read."""

    given: Partitioning
    shapes: Mapping[str, tuple[int, ...]]
    dims: Mapping[str, int]
    vendor_options: Mapping[str, Mapping[str, str]]

    @property
    def options(self) -> PartitionOptions:
        """The pipeline's options."""
        from byoc.options import PartitionOptions

        return PartitionOptions(
            shapes=self.shapes,
            dims=self.dims,
            params=self.given.params,
            qnn=self.given.qnn,
            min_ops=self.given.min_ops,
            min_macs=self.given.min_macs,
            merge=self.given.merge,
            vendor_options=self.vendor_options,
        )


def partitioning(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a partition; its function gets them as one argument, `how`."""

    @functools.wraps(function)
    def command(**given: Any) -> None:
        names = Partitioning.__dataclass_fields__
        how = Partitioning(**{name: given.pop(name) for name in names})
        function(how=how, **given)

    for option in reversed(_OPTIONS):
        option(command)
    return command
