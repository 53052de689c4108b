"""The syntax tree of Relay text: what was written, where it stands, and the spans that its comments name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the text, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class TensorType:
    """`Tensor[(1, ?), float32]`, or a bare dtype, without dimensions; `?` is None, a variable its name."""

    shape: tuple[int | str | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class TupleType:
    """`(T, U)`."""

    fields: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class OtherType:
    """A type that a Relax value takes from its definition: a function's, `?`, or one of the metadata section."""


Type: TypeAlias = TensorType | TupleType | OtherType


@dataclass(frozen=True, slots=True)
class MetaValue:
    """`meta[KIND][INDEX]`: an entry of the metadata section."""

    kind: str
    index: int


@dataclass(frozen=True, slots=True)
class Local:
    """`%x` or `%0`; `name` has no percent sign."""

    name: str
    at: Position


@dataclass(frozen=True, slots=True)
class Global:
    """`@main`; `name` has no at sign."""

    name: str
    at: Position


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator by its name, `nn.conv2d`."""

    name: str
    at: Position


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number or truth value in an expression: a constant of rank 0."""

    value: float | int | bool
    dtype: str
    at: Position


@dataclass(frozen=True, slots=True)
class Meta:
    """A constant of the metadata section; `span` is the source node that its comment names."""

    value: MetaValue
    at: Position
    span: str = ""


@dataclass(frozen=True, slots=True)
class Tuple:
    """`(a, b)`."""

    fields: tuple[Expr, ...]
    at: Position


@dataclass(frozen=True, slots=True)
class Projection:
    """`t.0`."""

    value: Expr
    index: int
    at: Position


@dataclass(frozen=True, slots=True)
class Call:
    """`callee(args, name=value)`; `span` is the source node that the comment behind it names, "" without one."""

    callee: Expr
    args: tuple[Expr, ...]
    attrs: Mapping[str, Any]
    at: Position
    span: str = ""


@dataclass(frozen=True, slots=True)
class If:
    """`if (condition) {...} else {...}`."""

    condition: Expr
    then: Expr
    otherwise: Expr
    at: Position


@dataclass(frozen=True, slots=True)
class Parameter:
    """A function's parameter; `type` is None when none is written."""

    name: str
    type: Type | None
    at: Position


@dataclass(frozen=True, slots=True)
class Function:
    """`fn (%x, Composite="...") -> T {...}`, or what a definition defines; without `-> T` the result is None."""

    params: tuple[Parameter, ...]
    attrs: Mapping[str, Any]
    result: Type | None
    body: Expr
    at: Position


@dataclass(frozen=True, slots=True)
class Binding:
    """`let %x: type = value;` or `%0 = value;`; `value` is None for `free_var`, `type` when none is written."""

    name: str
    value: Expr | None
    at: Position
    type: Type | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Bindings in order, and the result."""

    bindings: tuple[Binding, ...]
    result: Expr
    at: Position


Expr: TypeAlias = (
    Local | Global | Operator | Scalar | Meta | Tuple | Projection | Call | If | Function | Scope
)


@dataclass(frozen=True, slots=True)
class Module:
    """A whole text: its definitions by name, in order, and the metadata section's JSON with its line."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    metadata: str = ""
    metadata_line: int = 0


def parts(expr: Expr) -> list[Expr]:
    """The expressions that `expr` is made of, in the text's order."""
    match expr:
        case Scope():
            bound = [each.value for each in expr.bindings if each.value is not None]
            return [*bound, expr.result]
        case Call():
            return [expr.callee, *expr.args]
        case If():
            return [expr.condition, expr.then, expr.otherwise]
        case Tuple():
            return list(expr.fields)
        case Projection():
            return [expr.value]
        case Function():
            return [expr.body]
    return []
