"""Records out of what the grammar found: one function a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from lark import Token, Tree

from byoc.vendors.npu import isa
from byoc.vendors.npu.asm import forms
from byoc.vendors.npu.asm.buffers import WIDE, Scope, register
from byoc.vendors.npu.asm.forms import FormError, integer, known, words
from byoc.vendors.npu.errors import AssemblyError

T = TypeVar("T")

_DTYPES: Final = words(isa.Dtype)


def at(token: Token, read: Callable[[str], T], start: int = 0, stop: int | None = None) -> T:
    """What `read` makes of these characters of the token; what is wrong gets its line and column."""
    try:
        return read(str(token)[start:stop])
    except FormError as wrong:
        raise error(token, wrong.what, start + wrong.offset) from None


def error(token: Token, what: str, offset: int = 0) -> AssemblyError:
    """`what` is wrong with the token, from its `offset`-th character on."""
    return AssemblyError(what, line=token.line or 1, column=(token.column or 1) + offset)


def _settings(kind: type[Any], given: Sequence[Token]) -> dict[str, Any]:
    """The fields that settings and tokens give an instruction of `kind`."""
    table = forms.SETTINGS[kind]
    what = f"setting of {kind.__name__.lower()}"
    found: dict[str, Any] = {}
    for token in given:
        if token.type == "TOKENS":
            found["tokens"] = found.get("tokens", isa.Tokens.NONE) | at(token, forms.tokens)
            continue
        key, _, _ = token.partition("=")
        setting = at(token, lambda text: known(text, table, what), stop=len(key))
        if setting.fields[0] in found:
            raise error(token, f"{key} is given twice")
        values = at(token, setting.read, len(key) + 1)
        found |= zip(setting.fields, values, strict=True)
    return found


def _transfer(given: Sequence[Any], scope: Scope, composite: int) -> isa.Record:
    name, target, source, *rest = given
    kind = isa.Load if name == "load" else isa.Store
    return kind(
        composite=composite,
        target=at(target, scope.read),
        source=at(source, scope.read),
        **_settings(kind, rest),
    )


def _mm(given: Sequence[Any], scope: Scope, composite: int) -> isa.Record:
    acc, assign, a, b, *rest = given
    return isa.Mm(
        composite=composite,
        acc=at(acc, scope.read),
        a=at(a, scope.read),
        b=at(b, scope.read),
        keep=assign == "+=",
        **_settings(isa.Mm, rest),
    )


def _win(given: Sequence[Any], scope: Scope, composite: int) -> isa.Record:
    acc, assign, op, a, *rest = given
    weights: dict[str, Any] = {}
    if rest and isinstance(rest[0], Tree):
        weights["b"] = at(rest.pop(0).children[0], scope.read)
    return isa.Win(
        composite=composite,
        acc=at(acc, scope.read),
        a=at(a, scope.read),
        op=at(op, lambda text: known(text, words(isa.Window), "kind of window")),
        keep=assign == "+=",
        **weights,
        **_settings(isa.Win, rest),
    )


def _vec(given: Sequence[Any], scope: Scope, composite: int) -> isa.Record:
    dst, assign, a, *rest = given
    _only_assigned(assign)
    made: dict[str, Any] = {}
    while rest and isinstance(rest[0], Tree):
        part = rest.pop(0)
        made[str(part.data)] = at(part.children[0], scope.read)
    if rest and rest[0].type == "WORD":
        op, b, *rest = rest
        made["op"] = at(op, lambda text: known(text, words(isa.Binary), "operation"))
        made["b"] = _operand(b, scope)
    return isa.Vec(
        composite=composite,
        dst=_operand(dst, scope),
        a=_operand(a, scope),
        **made,
        **_settings(isa.Vec, rest),
    )


def _red(given: Sequence[Any], scope: Scope, composite: int) -> isa.Record:
    dst, assign, op, src, *rest = given
    _only_assigned(assign)
    return isa.Red(
        composite=composite,
        dst=_operand(dst, scope),
        src=_operand(src, scope),
        op=at(op, lambda text: known(text, words(isa.Reduce), "reduction")),
        **_settings(isa.Red, rest),
    )


def _fill(given: Sequence[Any], scope: Scope, composite: int) -> isa.Record:
    target, assign, value, *rest = given
    _only_assigned(assign)
    return isa.Fill(
        composite=composite,
        target=at(target, scope.read),
        value=at(value, forms.bit_pattern),
        **_settings(isa.Fill, rest),
    )


def _only_assigned(assign: Token) -> None:
    if assign != "=":
        raise error(assign, "only mm and win add to what is there; expected '='")


def _operand(token: Token, scope: Scope) -> isa.Operand:
    """`dtype[address]{s2, s1, s0; scale, zero}`."""
    bracket, brace = token.index("["), token.index("]") + 1
    dtype = at(token, lambda text: known(text, _DTYPES, "type"), stop=bracket)
    place = at(token, scope.read, bracket, brace)
    if brace == len(token):
        return isa.Operand(place, dtype)
    return isa.Operand(place, dtype, *at(token, _layout, brace))


def _layout(text: str) -> tuple[tuple[int, int, int], float, int]:
    """`{s2, s1, s0}` or `{s2, s1, s0; scale, zero}`."""
    strides, *quantised = text[1:-1].split(";")
    s2, s1, s0 = (integer(each) for each in forms.pieces(f"({strides})", 3))
    if not quantised:
        return (s2, s1, s0), 1.0, 0
    scale, zero = forms.pieces(f"({';'.join(quantised)})", 2)
    return (s2, s1, s0), forms.real(scale), integer(zero)


READERS: Final[Mapping[str, Callable[[Sequence[Any], Scope, int], isa.Record]]] = {
    "set": lambda given, scope, composite: isa.Set(at(given[0], register), at(given[1], _wide)),
    "add": lambda given, scope, composite: isa.Add(at(given[0], register), at(given[1], _wide)),
    "loop": lambda given, scope, composite: isa.Loop(at(given[0], integer)),
    "end": lambda given, scope, composite: isa.End(),
    "halt": lambda given, scope, composite: isa.Halt(),
    "transfer": _transfer,
    "mm": _mm,
    "vec": _vec,
    "red": _red,
    "win": _win,
    "fill": _fill,
}
"""For each rule of the grammar that is a record: what makes it of the rule's tokens."""


def _wide(text: str) -> int:
    return integer(text, -WIDE, WIDE - 1)
