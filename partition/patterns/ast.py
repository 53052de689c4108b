"""The pattern AST: what every front door (table text, Python, TVM's `dpl`) becomes, and what the matcher reads.

Nodes compare by identity: the same object twice in a pattern means the same node of the graph. They are made by
`text.parse`, by the functions of `api`, or by `tvm_dpl.from_dpl`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from byoc.partition.patterns.fluent import Fluent

Attribute: TypeAlias = Any
"""A required attribute value in plain Python: bool, int, float, str or a tuple of them."""


@dataclass(frozen=True, eq=False, slots=True)
class Wildcard(Fluent):
    """Any value. `name` lets rules speak of it; `constant` demands data known at partition time."""

    name: str = ""
    constant: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Number(Fluent):
    """A constant whose every element equals `value` as its dtype can hold it (`numbers.tolerance`)."""

    value: float


@dataclass(frozen=True, eq=False, slots=True)
class Op(Fluent):
    """A call of one of `ops` (`nn.conv2d`, or an ONNX group such as `onnx.LSTM`).

    `args` match the leading operands in order; operands that hold no tensor (shapes, axes) count. With `rest`
    further operands may follow unmatched (they are captured); without it the count must agree, except that
    trailing operands that hold no tensor may be left out. `args` None takes any operands at all. Ops of
    `COMMUTATIVE` match either order. `attrs` must hold as `attributes.hold` says; an operand that holds no tensor
    counts as an attribute of its argument's name.
    """

    ops: tuple[str, ...]
    args: tuple[Pattern, ...] | None = None
    rest: bool = False
    attrs: Mapping[str, Attribute] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Alternatives(Fluent):
    """The first of `options` that matches; the matcher comes back for the next when a rule refuses the match."""

    options: tuple[Pattern, ...]
    name: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Tuple(Fluent):
    """A tuple. `fields` is None for any length (`(*xs)`), which rules see as one input named `name`."""

    fields: tuple[Pattern, ...] | None
    name: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Item(Fluent):
    """An item of a tuple; `index` None is any item."""

    tuple: Pattern
    index: int | None = None
    name: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Where(Fluent):
    """`pattern`, held to `holds`: a predicate on the graph and the node id that matched."""

    pattern: Pattern
    holds: Callable[[Any, int], bool]
    words: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Spread(Where):
    """`pattern`, together with further nodes: `takes` gives those that belong to a match at a node, None for none.

    For what has no fixed size, such as all ways between two ops. `holds` has to say no where `takes` gives None.
    """

    takes: Callable[[Any, int], tuple[int, ...] | None] = lambda graph, node: None


Pattern: TypeAlias = Wildcard | Number | Op | Alternatives | Tuple | Item | Where

COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum"})
"""Ops whose two operands match in either order; the written order is tried first."""


@dataclass(frozen=True, slots=True)
class TvmCheck:
    """A check as TVM's `FusionPattern` has it: takes a `PatternCheckContext`, returns a bool or a Refusal."""

    function: Callable[[Any], Any]

    def __call__(self, context: Any) -> Any:
        """Ask the check about a match, given as TVM's context."""
        return self.function(context)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a pattern table.

    `name` is the composite's, with the vendor's prefix (`npu.conv2d_bias_relu`). `outputs` has one pattern an
    output; several share nodes. Rows are tried by `priority` (larger first), then by the most ops they can
    match, then in table order. `test` holds the table's rules: facts in, refusal or None out. `check` is the
    vendor's Python predicate, run in a worker process; a `TvmCheck` wants TVM's own context. `rule` says where the
    row stands (`support.yaml:12`). `qdq` matches the quantised form too. `joined` composites never make a segment
    by themselves (`use: joined`). `annotations` names parts of the pattern for a check. `once` is Relay's rule: at
    each node the first way to match counts, and no other is tried when it is refused.
    """

    vendor: str
    name: str
    outputs: tuple[Pattern, ...]
    priority: int = 0
    rule: str = ""
    test: Callable[..., Any] | None = None
    check: Callable[..., Any] | None = None
    annotations: Mapping[str, Pattern] = field(default_factory=dict)
    qdq: bool = False
    joined: bool = False
    once: bool = False
