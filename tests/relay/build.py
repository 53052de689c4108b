"""Small modules matched with small Relay tables, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byoc.partition.graph import Graph, read_module
from byoc.partition.match import Match
from byoc.partition.plan import Candidate, Decision
from byoc.partition.vendor import Vendor
from byoc.region import region
from byoc.relay.table import rows_from_relay
from byoc.support.refusal import Refusal
from byoc.verdicts import row_verdict
from tests.partition.build import const, script, weight

INPUTS: dict[str, Any] = {
    "x": (4, 4),
    "y": (4, 4),
    "i": (1, 4, 8, 8),
    "s": (2, 3, 4),
    "f": (1, 8, 6, 6),
    "q": ((4, 4), "int8"),
    "p": ((1, 4, 8, 8), "int8"),
    "g": ((2, 3, 4), "int8"),
    "h": ((2, 4, 3), "int8"),
    "u": ((1, 8, 8, 8), "int8"),
    "w": weight(8, 4, 3, 3),
    "m": weight(4, 6),
    "b": weight(1, 8, 1, 1),
    "v": weight(6),
    "G": weight(4),
    "H": weight(4),
    "P": weight(8),
    "Q": weight(8),
    "R": weight(8),
    "V": np.abs(weight(8)) + np.float32(0.5),
    "S": const(0.5),
    "T": const(0.25),
    "E": const(64.0),
    "Y": const(0, "int8"),
    "Z": const(3, "int8"),
    "W": const([[1, 2], [3, 4], [5, 6], [7, 8]], "int8"),
    "K": const(np.arange(288).reshape(8, 4, 3, 3) % 7, "int8"),
    "B": const(np.arange(8).reshape(1, 8, 1, 1), "int32"),
    "O": const(0, "int32"),
}


def read(text: str) -> Graph:
    """The graph of a text as in docs/matching.md: `a = add(x, y); r = nn.relu(a) -> r`."""
    (graph,) = read_module(script(text, **used(text)))
    return graph


def used(text: str) -> dict[str, Any]:
    """The inputs that a text names."""
    return {name: given for name, given in INPUTS.items() if name in _words(text)}


def match(text: str, table: Sequence[Any]) -> tuple[Graph, Decision]:
    """What a Relay table matches in a text."""
    graph = read(text)
    rows = tuple(rows_from_relay("npu", table))

    def ask(row: Any, graph: Graph, given: Sequence[Candidate]) -> list[Refusal | None]:
        return [row_verdict(row.name, row.check(region(graph, each))) for each in given]

    return graph, Match(Vendor("npu", rows=rows, check_row=ask))(graph)


def found(text: str, table: Sequence[Any]) -> list[str]:
    """The composites in the order found: `row(a r)`."""
    graph, decision = match(text, table)
    names = graph.names
    return [
        f"{each.name.removeprefix('npu.')}({' '.join(names[node] for node in each.nodes if names[node])})"
        for each in decision.candidates
    ]


def seen(text: str, pattern: Any) -> Any:
    """What a check sees of the only match of a pattern."""
    kept: list[Any] = []

    def check(extract: Any) -> bool:
        kept.append(extract)
        return True

    match(text, [("row", pattern, check)])
    return kept[-1]


def _words(text: str) -> set[str]:
    return set("".join(each if each.isalnum() or each == "_" else " " for each in text).split())
