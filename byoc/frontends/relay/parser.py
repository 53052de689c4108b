"""Relay text in, syntax tree out; everything that is wrong is a ModelError with line and column."""

from __future__ import annotations

import functools
import gc
import math
import re
from importlib.resources import files
from typing import Any, NoReturn

from lark import Lark, Token, Transformer_NonRecursive, v_args
from lark.exceptions import UnexpectedInput, VisitError

from byoc.errors import ModelError
from byoc.frontends.relay import ast

_NUMBER = re.compile(
    r"(?P<sign>-*)(?P<digits>inff|nanf|[\d.]+(?:[eE][+-]?\d+)?)"
    r"(?P<kind>u?int|float|bfloat|[iuf])?(?P<width>\d+)?"
)
_SPAN = re.compile(r"\s*/\*[^*]*?\bspan=(?P<span>[^\s*]+?):\d+:\d+\s[^*]*?\*/")
_INFIX = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "<": "less",
    ">": "greater",
    "<=": "less_equal",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}
_LEFT_OUT = {"match", "type", "extern", "ref", "ref_read", "ref_write", "grad"}
_VERSIONS = ("0.0.5", "v0.0.4", "0.0.4")


def parse(text: str, name: str) -> ast.Module:
    """Parse Relay text; `name` stands before line and column in errors.

    Raises ModelError for text that is not Relay, or uses a part of Relay that Relax has no form for.
    """
    collecting = gc.isenabled()
    gc.disable()  # a tree of a million nodes, none of them garbage, would be searched again and again
    try:
        tree = _grammar().parse(text)
        module: ast.Module = _Build(text, name).transform(tree)
    except UnexpectedInput as error:
        raise _unexpected(error, text, name) from None
    except VisitError as error:
        if isinstance(error.orig_exc, ModelError):
            raise error.orig_exc from None
        raise
    finally:
        if collecting:
            gc.enable()
    return module


def fail(name: str, at: ast.Position, message: str) -> NoReturn:
    """Raise a ModelError that starts with the place."""
    raise ModelError(f"{name}:{at.line}:{at.column}: {message}")


@functools.cache
def _grammar() -> Lark:
    grammar = files("byoc.frontends.relay").joinpath("grammar.lark").read_text("utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=True,
    )


def _unexpected(error: UnexpectedInput, text: str, name: str) -> ModelError:
    token = getattr(error, "token", None)
    line, column = int(error.line), int(error.column)
    if line < 1 or (token is not None and token.type == "$END"):
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        what = "the text ends too early"
    else:
        position = error.pos_in_stream or 0
        word = re.match(r"[\w.]+|\S", text[position : position + 40])
        shown = repr(word.group()) if word else "this"
        what = f"unexpected {shown}"
        if word and word.group() in _LEFT_OUT:
            what += "; algebraic data types, references and match have no form in Relax"
    return ModelError(
        f"{name}:{line}:{column}: {what}. Expected Relay text as `mod.astext()` of TVM writes it."
    )


@v_args(meta=True)
class _Build(Transformer_NonRecursive):  # type: ignore[type-arg]  # lark types no callbacks
    """Makes the tree of ast.py out of lark's."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__()
        self.text, self.name = text, name

    def _at(self, meta: Any) -> ast.Position:
        return ast.Position(meta.line, meta.column)

    def _span(self, meta: Any) -> str:
        found = _SPAN.match(self.text, meta.end_pos)
        return found["span"] if found else ""

    def start(self, meta: Any, parts: list[Any]) -> ast.Module:
        version, *definitions, metadata = parts
        if version is not None:
            self._version(version)
        functions: dict[str, ast.Function] = {}
        for name, function in definitions:
            if name in functions:
                fail(self.name, function.at, f"@{name} is defined twice")
            functions[name] = function
        if metadata is None:
            return ast.Module(functions)
        header = "#[metadata]"
        return ast.Module(functions, metadata[len(header) :], metadata.line)

    def _version(self, token: Token) -> None:
        written = token.split('"')[1]
        if written not in _VERSIONS:
            at = ast.Position(token.line or 1, token.column or 1)
            fail(self.name, at, f"text of version {written}; byoc reads {', '.join(_VERSIONS)}")

    def definition(self, meta: Any, parts: list[Any]) -> tuple[str, ast.Function]:
        name, type_params, params, _, body = parts
        return str(name)[1:], self._function(meta, type_params, params, body)

    def function(self, meta: Any, parts: list[Any]) -> ast.Function:
        type_params, params, _, body = parts
        return self._function(meta, type_params, params, body)

    def _function(self, meta: Any, type_params: Any, params: Any, body: Any) -> ast.Function:
        if type_params is not None:
            fail(self.name, self._at(meta), "a function with type parameters has no form in Relax")
        given, attrs = self._split(params)
        return ast.Function(tuple(given), attrs, body, self._at(meta))

    def type_params(self, meta: Any, parts: list[Any]) -> bool:
        return True

    def params(self, meta: Any, parts: list[Any]) -> list[Any]:
        return parts

    arguments = params

    def _split(self, parts: list[Any] | None) -> tuple[list[Any], dict[str, Any]]:
        """Separate attributes from parameters or arguments."""
        plain, attrs = [], {}
        for each in parts or ():
            if isinstance(each, _Attribute):
                attrs[each.name] = each.value
            else:
                plain.append(each)
        return plain, attrs

    def parameter(self, meta: Any, parts: list[Any]) -> ast.Parameter:
        name, _, type_ = parts
        return ast.Parameter(str(name)[1:], type_, self._at(meta))

    def device(self, meta: Any, parts: list[Any]) -> None:
        return None

    def attribute(self, meta: Any, parts: list[Any]) -> _Attribute:
        return _Attribute(str(parts[0]), parts[1])

    def scope(self, meta: Any, parts: list[Any]) -> ast.Expr:
        *bindings, result = parts
        if not bindings:
            whole: ast.Expr = result
            return whole
        return ast.Scope(tuple(bindings), result, self._at(meta))

    def let(self, meta: Any, parts: list[Any]) -> ast.Binding:
        return ast.Binding(str(parts[0])[1:], parts[2], self._at(meta))

    def graph(self, meta: Any, parts: list[Any]) -> ast.Binding:
        return ast.Binding(str(parts[0])[1:], parts[1], self._at(meta))

    def free_var(self, meta: Any, parts: list[Any]) -> ast.Binding:
        return ast.Binding(str(parts[0])[1:], None, self._at(meta))

    def infix(self, meta: Any, parts: list[Any]) -> ast.Call:
        left, sign, right = parts
        at = ast.Position(sign.line, sign.column)
        return ast.Call(ast.Operator(_INFIX[str(sign)], at), (left, right), {}, at)

    def call(self, meta: Any, parts: list[Any]) -> ast.Call:
        args, attrs = self._split(parts[1])
        return ast.Call(parts[0], tuple(args), attrs, self._at(meta), self._span(meta))

    def projection(self, meta: Any, parts: list[Any]) -> ast.Projection:
        return ast.Projection(parts[0], int(parts[1][1:]), self._at(meta))

    def local(self, meta: Any, parts: list[Any]) -> ast.Local:
        return ast.Local(str(parts[0])[1:], self._at(meta))

    def definition_name(self, meta: Any, parts: list[Any]) -> ast.Global:
        return ast.Global(str(parts[0])[1:], self._at(meta))

    def operator(self, meta: Any, parts: list[Any]) -> ast.Operator:
        return ast.Operator(str(parts[0]), self._at(meta))

    def number(self, meta: Any, parts: list[Any]) -> ast.Scalar:
        value, dtype = self._number(parts[0])
        return ast.Scalar(value, dtype, self._at(meta))

    def _number(self, token: Token) -> tuple[float | int, str]:
        found = _NUMBER.fullmatch(token)
        assert found is not None, "the grammar's NUMBER is no wider"
        digits, kind = found["digits"], found["kind"] or ""
        sign = -1 if len(found["sign"]) % 2 else 1
        at = ast.Position(token.line or 1, token.column or 1)
        if digits in ("inff", "nanf"):
            return sign * float(digits[:3]), f"float{found['width'] or 32}"
        if kind in ("f", "float", "bfloat") or not digits.isdigit():
            dtype = f"{'bfloat' if kind == 'bfloat' else 'float'}{found['width'] or 32}"
            value = self._float(digits, at)
            if kind in ("i", "u", "int", "uint"):
                fail(self.name, at, f"{token} has a fraction, but an integer's suffix")
            return sign * value, self._known(dtype, at)
        unsigned = kind in ("u", "uint")
        width = found["width"] or ("32" if len(digits) < 19 and int(digits) < 2**31 else "64")
        dtype = self._known(f"{'u' if unsigned else ''}int{width}", at)
        low, high = (
            (0, 2 ** int(width)) if unsigned else (-(2 ** (int(width) - 1)), 2 ** (int(width) - 1))
        )
        if len(digits) > 20 or not low <= sign * int(digits) < high:
            fail(self.name, at, f"{token} does not fit {dtype}")
        return sign * int(digits), dtype

    def _float(self, digits: str, at: ast.Position) -> float:
        try:
            value = float(digits)
        except ValueError:
            fail(self.name, at, f"{digits} is no number")
        if math.isinf(value):
            fail(self.name, at, f"{digits} does not fit a float")
        return value

    def _known(self, dtype: str, at: ast.Position) -> str:
        if dtype not in _DTYPES:
            fail(self.name, at, f"there is no type {dtype}")
        return dtype

    def boolean(self, meta: Any, parts: list[Any]) -> ast.Scalar:
        written = self.text[meta.start_pos : meta.end_pos]
        return ast.Scalar(written == "True", "bool", self._at(meta))

    def meta(self, meta: Any, parts: list[Any]) -> ast.Meta:
        return ast.Meta(_meta(parts[0]), self._at(meta), self._span(meta))

    def tuple(self, meta: Any, parts: list[Any]) -> ast.Tuple:
        return ast.Tuple(tuple(parts), self._at(meta))

    def if_else(self, meta: Any, parts: list[Any]) -> ast.If:
        return ast.If(parts[0], parts[1], parts[2], self._at(meta))

    def plain_number(self, meta: Any, parts: list[Any]) -> float | int:
        return self._number(parts[0])[0]

    def string(self, meta: Any, parts: list[Any]) -> str:
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), parts[0][1:-1])

    def true(self, meta: Any, parts: list[Any]) -> bool:
        return True

    def false(self, meta: Any, parts: list[Any]) -> bool:
        return False

    def none(self, meta: Any, parts: list[Any]) -> None:
        return None

    def word(self, meta: Any, parts: list[Any]) -> str:
        return str(parts[0])

    def meta_value(self, meta: Any, parts: list[Any]) -> ast.MetaValue:
        return _meta(parts[0])

    def list(self, meta: Any, parts: list[Any]) -> Any:
        return tuple(each for each in parts if each is not None)

    def pair(self, meta: Any, parts: Any) -> Any:
        return tuple(parts)

    def mapping(self, meta: Any, parts: Any) -> dict[Any, Any]:
        return {str(key): value for key, value in (each for each in parts if each is not None)}

    def record(self, meta: Any, parts: Any) -> dict[Any, Any]:
        return self.mapping(meta, parts[1:])

    def tensor_type(self, meta: Any, parts: Any) -> ast.TensorType:
        *dims, dtype = parts
        known = self._known(str(dtype), self._at(meta))
        return ast.TensorType(tuple(each.value for each in dims if each is not None), known)

    def dim(self, meta: Any, parts: Any) -> _Dim:
        token = parts[0]
        if token.type == "NAME":
            return _Dim(str(token))
        value, _ = self._number(token)
        if not isinstance(value, int) or value < 0:
            fail(self.name, self._at(meta), f"{token} is no dimension")
        return _Dim(value)

    def any_dim(self, meta: Any, parts: Any) -> _Dim:
        return _Dim(None)

    def scalar_type(self, meta: Any, parts: Any) -> ast.TensorType:
        return ast.TensorType((), self._known(str(parts[0]), self._at(meta)))

    def tuple_type(self, meta: Any, parts: Any) -> ast.TupleType:
        return ast.TupleType(tuple(each for each in parts if each is not None))

    def function_type(self, meta: Any, parts: Any) -> ast.OtherType:
        return ast.OtherType()

    unknown_type = function_type


class _Attribute:
    """An attribute among arguments."""

    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value


class _Dim:
    """A dimension, apart from an absent one."""

    def __init__(self, value: int | str | None) -> None:
        self.value = value


_DTYPES = frozenset(
    ["bool", "bfloat16", "float16", "float32", "float64"]
    + [f"{sign}int{width}" for sign in ("", "u") for width in (1, 8, 16, 32, 64)]
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def _meta(token: str) -> ast.MetaValue:
    kind, index = token[len("meta[") : -1].split("][")
    return ast.MetaValue(kind, int(index))
