"""Segment: a merged region as a vendor's codegen is given it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import relax

from byoc.region import Region


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite of a segment: the pattern's name, its bindings in `Segment.function`, its source nodes."""

    name: str
    bindings: tuple[str, ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Segment(Region):
    """A merged region. Picklable: it travels to worker processes.

    `symbol` is its name in the module (`npu_0`). `function` (of Region) has its ops flat; `composed` is the same
    function as TVM's RunCodegen would be given it: composites as local functions with the attribute `Composite`,
    `Codegen` and `global_symbol` on the function. `composites` are its composites, and single ops as composites of no
    name, in an order in which they can run.
    """

    symbol: str = ""
    composed: relax.Function | None = None
    composites: tuple[Composite, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        raise NotImplementedError
