"""Relay as a tree of statements, between Relax and text. Types are Relax's; constants are numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Local:
    """`%x`."""

    name: str


@dataclass(frozen=True, eq=False)
class Global:
    """`@f`."""

    name: str


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant: written as a number when it is a simple scalar, in the metadata section otherwise."""

    data: Array


@dataclass(frozen=True, eq=False)
class Tuple:
    """`(a, b)`."""

    fields: tuple[Expr, ...]


@dataclass(frozen=True, eq=False)
class Item:
    """`t.0`."""

    value: Expr
    index: int


@dataclass(frozen=True, eq=False)
class Call:
    """A call of an operator by name, or of a function; `defaults` are Relay's of the operator's attributes."""

    callee: str | Expr
    args: tuple[Expr, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    type: Any = None
    span: str = ""


@dataclass(frozen=True, eq=False)
class If:
    """`if (c) {...} else {...}`."""

    condition: Expr
    then: Scope
    otherwise: Scope


@dataclass(frozen=True, eq=False)
class Function:
    """`fn (...) {...}`, or the right side of a definition."""

    params: tuple[tuple[str, Any], ...]
    body: Scope
    attrs: Mapping[str, Any]
    result: Any = None


@dataclass(frozen=True, eq=False)
class Statement:
    """`%0 = value;`, or `let %x = value;`."""

    name: str
    value: Expr
    type: Any = None


@dataclass(frozen=True, eq=False)
class Scope:
    """Statements, and the value behind them."""

    statements: tuple[Statement, ...]
    result: Expr


Expr: TypeAlias = Local | Global | Constant | Tuple | Item | Call | If | Function | Scope
