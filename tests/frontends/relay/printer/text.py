"""A tree as the text that `mod.astext()` gives: numbers, attributes, types, statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from tvm import relax, tirx

from tests.frontends.relay.printer import tree
from tests.frontends.relay.printer.metadata import Constants

_SUFFIXES = {
    "int16": "i16",
    "int32": "",
    "int64": "i64",
    "float16": "f16",
    "float32": "f",
    "float64": "f64",
}
_SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "less": "<",
    "greater": ">",
    "less_equal": "<=",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}


@dataclass(frozen=True)
class Style:
    """How to write what can be written in several ways.

    `types` puts a comment with its type behind each call, `spans` one with the name of the Relax binding.
    `defaults` writes attributes that have Relay's default too. `idioms` writes `nn.bias_add` and `nn.dense` where
    they fit.
    `rng` mixes what people write by hand: `let` for a statement, signs for operators, calls in calls, remarks.
    """

    types: bool = False
    spans: bool = False
    defaults: bool = False
    idioms: bool = True
    rng: Random | None = None

    def chance(self, part: float) -> bool:
        """Whether to take the rarer way here."""
        return self.rng is not None and self.rng.random() < part


class Writer:
    """Writes definitions; constants of all of them are collected in `constants`, or those of one in `params`."""

    def __init__(self, style: Style) -> None:
        self.style, self.constants = style, Constants()
        self.params: dict[str, tree.Array] = {}
        self._in_params = False

    def definition(self, name: str, function: tree.Function, in_params: bool = False) -> str:
        """`def @name(...) -> type {...}`; with `in_params` its constants are parameters behind its own."""
        self._in_params = in_params
        return f"def @{name}{self._function(function, '')}\n"

    def _function(self, function: tree.Function, indent: str) -> str:
        body = self._block(function.body, indent)
        params = [f"%{name}: {type_text(ty)}" for name, ty in function.params]
        if self._in_params and not indent:
            params += [f"%{name}: {array_type(array)}" for name, array in self.params.items()]
        params += [f"{key}={attribute(value)}" for key, value in function.attrs.items()]
        arrow = f" -> {type_text(function.result)}" if function.result is not None else ""
        return f"({', '.join(params)}){arrow} {body}"

    def _block(self, scope: tree.Scope, indent: str) -> str:
        inner = indent + "  "
        return f"{{\n{self._lines(scope, inner)}\n{indent}}}"

    def _lines(self, scope: tree.Scope, indent: str) -> str:
        lines = []
        for each in scope.statements:
            value = self.expr(each.value, indent)
            lines.append(f"{indent}{self._left(each)} = {value};{self._remark(indent)}")
        return "\n".join([*lines, indent + self.expr(scope.result, indent)])

    def _remark(self, indent: str) -> str:
        if not self.style.chance(0.1):
            return ""
        return "  // a remark; let %x = 1" if self.style.chance(0.5) else f"\n{indent}/* %0 = {{ */"

    def _left(self, statement: tree.Statement) -> str:
        if statement.name[0].isdigit():
            return f"%{statement.name}"
        typed = statement.type is not None and self.style.chance(0.5)
        return f"let %{statement.name}" + (f": {type_text(statement.type)}" if typed else "")

    def expr(self, expr: tree.Expr, indent: str) -> str:
        """An expression; it may have several lines, of which the first is not indented."""
        match expr:
            case tree.Local():
                return f"%{expr.name}"
            case tree.Global():
                return f"@{expr.name}"
            case tree.Constant():
                return self._constant(expr)
            case tree.Tuple():
                fields = ", ".join(self.expr(each, indent) for each in expr.fields)
                return f"({fields},)" if len(expr.fields) == 1 else f"({fields})"
            case tree.Item():
                return f"{self.expr(expr.value, indent)}.{expr.index}"
            case tree.Call():
                return self._call(expr, indent)
            case tree.If():
                condition = self.expr(expr.condition, indent)
                then, other = (self._block(each, indent) for each in (expr.then, expr.otherwise))
                return f"if ({condition}) {then} else {other}"
            case tree.Function():
                return f"fn {self._function(expr, indent)}"
            case tree.Scope():
                return f"(\n{self._lines(expr, indent + '  ')}\n{indent})"

    def _constant(self, expr: tree.Constant) -> str:
        if expr.data.ndim == 0 and expr.data.dtype.name in (*_SUFFIXES, "bool"):
            text = scalar(expr.data)
        elif self._in_params:
            name = f"weight.{len(self.params)}"
            self.params[name] = expr.data
            return f"%{name}"
        else:
            text = self.constants.reference(expr.data)
        return f"{text} /* ty={array_type(expr.data)} */" if self.style.types else text

    def _call(self, call: tree.Call, indent: str) -> str:
        args = [self.expr(each, indent) for each in call.args]
        if call.callee in _SIGNS and self.style.chance(0.3):
            assert isinstance(call.callee, str)
            return f"({args[0]} {_SIGNS[call.callee]} {args[1]})"
        for key, value in call.attrs.items():
            if self.style.defaults or key not in call.defaults or value != call.defaults[key]:
                args.append(f"{key}={self._attribute(value)}")
        callee = call.callee if isinstance(call.callee, str) else self.expr(call.callee, indent)
        return f"{callee}({', '.join(args)}){self._comment(call)}"

    def _attribute(self, value: Any) -> str:
        """An attribute; one that is a constant is in the metadata section, whatever it holds."""
        if isinstance(value, tree.Constant):
            return self.constants.reference(value.data)
        return attribute(value)

    def _comment(self, call: tree.Call) -> str:
        words = []
        if self.style.types and call.type is not None:
            words.append(f"ty={type_text(call.type)}")
        if call.span:
            words.append(f"span={call.span}:0:0")
        return f" /* {' '.join(words)} */" if words else ""


def scalar(array: tree.Array) -> str:
    """A number with the suffix of its dtype, in as many digits as tell it from others."""
    if array.dtype == bool:
        return str(bool(array))
    value = array[()]
    text = str(value) if array.dtype.kind == "i" else f"{value:g}"
    if array.dtype.kind == "f" and np.isfinite(value) and array.dtype.type(text) != value:
        text = str(value)
    return f"{text}{_SUFFIXES[array.dtype.name]}"


def attribute(value: Any) -> str:
    """The value of an attribute."""
    match value:
        case None | int():
            return str(value)
        case float():
            text = f"{value:g}"
            return f"{text if float(text) == value else repr(value)}f"
        case str():
            return f'"{value}"'
        case Mapping():
            return "{" + ", ".join(f"{attribute(k)}={attribute(v)}" for k, v in value.items()) + "}"
        case tuple() | list():
            return f"[{', '.join(attribute(each) for each in value)}]"
    raise AssertionError(f"{value!r} is no attribute")


def array_type(array: tree.Array) -> str:
    """The type of a constant."""
    return _tensor([str(dim) for dim in array.shape], array.dtype.name)


def type_text(ty: Any) -> str:
    """A Relax type as Relay's; dimensions that have no number are `?`."""
    if isinstance(ty, relax.TupleType):
        fields = ", ".join(type_text(each) for each in ty.fields)
        return f"({fields},)" if len(ty.fields) == 1 else f"({fields})"
    dims = [str(int(dim)) if isinstance(dim, tirx.IntImm) else "?" for dim in ty.shape]
    return _tensor(dims, str(ty.dtype))


def _tensor(dims: list[str], dtype: str) -> str:
    return f"Tensor[({', '.join(dims)}), {dtype}]" if dims else dtype
