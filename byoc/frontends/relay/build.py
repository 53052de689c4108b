"""The syntax tree of ast.py: Lark calls a method of `RULES` for each rule of the grammar that it has read."""

from __future__ import annotations

from typing import Any, TypeAlias

from byoc.frontends.relay import ast
from byoc.frontends.relay.ast import Position
from byoc.frontends.relay.lexer import Unreadable, Word
from byoc.frontends.relay.literals import dtype, entry, index, number, text_of

Parts: TypeAlias = list[Any]

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
_VERSIONS = ("0.0.5", "v0.0.4", "0.0.4")
_STRENGTH = {"COMPARE": 0, "PLUS": 1, "MINUS": 1, "TIMES": 2, "OVER": 2}
"""How strongly an infix sign binds."""


class Attribute:
    """`name=value` among the arguments of a call or the parameters of a function."""

    __slots__ = ("name", "value")

    def __init__(self, name: Word, value: Any) -> None:
        self.name, self.value = name, value


class _Rules:
    """A method for each rule of grammar.lark, by name or alias; `parts` are its words and what its rules made.

    Lists are made by `first` and grow in place, so that a list of n takes n steps.
    """

    def first(self, parts: Parts) -> Parts:
        return parts

    def another(self, parts: Parts) -> Parts:
        parts[0].append(parts[1])
        grown: Parts = parts[0]
        return grown

    def listed(self, parts: Parts) -> Parts:
        parts[0].append(parts[2])
        grown: Parts = parts[0]
        return grown

    def second(self, parts: Parts) -> Any:
        return parts[1]

    def start(self, parts: Parts) -> ast.Module:
        functions: dict[str, ast.Function] = {}
        for name, function in next((each for each in parts if isinstance(each, list)), ()):
            if name.text[1:] in functions:
                raise Unreadable(name.at, f"{name.text} is defined twice")
            functions[name.text[1:]] = function
        return _module(functions, parts)

    def lone(self, parts: Parts) -> ast.Module:
        body = next(each for each in parts if not isinstance(each, Word))
        return _module({"main": _main(body)}, parts)

    def definition(self, parts: Parts) -> tuple[Word, ast.Function]:
        keyword, name, *rest = parts
        return name, self.function([keyword, *rest])

    def function(self, parts: Parts) -> ast.Function:
        _, params, *result, body = parts
        given, attrs = _split(params)
        return ast.Function(tuple(given), attrs, result[0] if result else None, body, parts[0].at)

    def generics(self, parts: Parts) -> None:
        raise Unreadable(parts[0].at, "a function with type parameters has no form in Relax")

    def params(self, parts: Parts) -> Parts:
        return parts[1] if len(parts) > 2 else []

    def parameter(self, parts: Parts) -> ast.Parameter:
        name, *rest = parts
        return ast.Parameter(name.text[1:], rest[-1] if rest else None, name.at)

    def device(self, parts: Parts) -> None:
        return None

    def nested(self, parts: Parts) -> ast.Scope:
        bindings, result = parts
        return ast.Scope(tuple(bindings), result, bindings[0].at)

    def let(self, parts: Parts) -> ast.Binding:
        name, value = parts[1], parts[-2]
        written = parts[2] if len(parts) == 6 else None
        return ast.Binding(name.text[1:], value, name.at, written)

    def graph(self, parts: Parts) -> ast.Binding:
        return ast.Binding(parts[0].text[1:], parts[2], parts[0].at)

    def free_var(self, parts: Parts) -> ast.Binding:
        written = parts[2] if len(parts) == 4 else None
        return ast.Binding(parts[1].text[1:], None, parts[1].at, written)

    def chain(self, parts: Parts) -> Parts:
        return parts

    def longer(self, parts: Parts) -> Parts:
        chain, *more = parts
        chain += more
        grown: Parts = chain
        return grown

    def infix(self, parts: Parts) -> ast.Call:
        first, *rest = parts[0]
        operands, signs = [first], list[Word]()
        for sign, operand in zip(rest[::2], rest[1::2], strict=True):
            while signs and _STRENGTH[signs[-1].type] >= _STRENGTH[sign.type]:
                _apply(operands, signs.pop())
            operands.append(operand)
            signs.append(sign)
        while signs:
            _apply(operands, signs.pop())
        whole: ast.Call = operands[0]
        return whole

    def local(self, parts: Parts) -> ast.Local:
        word = parts[0]
        return ast.Local(word.text[1:], Position(word.line, word.column))

    def definition_name(self, parts: Parts) -> ast.Global:
        return ast.Global(parts[0].text[1:], parts[0].at)

    def operator(self, parts: Parts) -> ast.Operator:
        word = parts[0]
        return ast.Operator(word.text, Position(word.line, word.column))

    def scalar(self, parts: Parts) -> ast.Scalar:
        word, negative, at = _signed(parts[0])
        value, name = number(word, negative)
        return ast.Scalar(value, name, at)

    def negated(self, parts: Parts) -> tuple[Word, bool, Position]:
        word, negative, _ = _signed(parts[1])
        return word, not negative, parts[0].at

    def boolean(self, parts: Parts) -> ast.Scalar:
        return ast.Scalar(parts[0].text == "True", "bool", parts[0].at)

    def meta(self, parts: Parts) -> ast.Meta:
        return ast.Meta(entry(parts[0]), parts[0].at, parts[0].span)

    def fields_of(self, parts: Parts) -> ast.Tuple:
        fields = [] if len(parts) == 2 else parts[1]
        last = parts[3:-1]
        return ast.Tuple((*fields, *last), parts[0].at)

    def if_else(self, parts: Parts) -> ast.If:
        return ast.If(parts[2], parts[4], parts[6], parts[0].at)

    def call(self, parts: Parts) -> ast.Call:
        callee = parts[0]
        args, attrs = _split(parts[2]) if len(parts) > 3 else ([], {})
        return ast.Call(callee, (*args,), attrs, callee.at, parts[-1].span)

    def projection(self, parts: Parts) -> ast.Projection:
        value, word = parts
        return ast.Projection(value, index(word, word.text[1:]), value.at)

    def attribute(self, parts: Parts) -> Attribute:
        return Attribute(parts[0], parts[2])

    def plain_number(self, parts: Parts) -> float | int:
        word, negative, _ = _signed(parts[0])
        return number(word, negative)[0]

    def integers(self, parts: Parts) -> tuple[int, ...]:
        return (*map(int, parts[0].text[1:-1].split(",")),)

    def string(self, parts: Parts) -> str:
        return text_of(parts[0])

    def true(self, parts: Parts) -> bool:
        return True

    def false(self, parts: Parts) -> bool:
        return False

    def none(self, parts: Parts) -> None:
        return None

    def word(self, parts: Parts) -> str:
        text: str = parts[0].text
        return text

    def meta_value(self, parts: Parts) -> ast.MetaValue:
        return entry(parts[0])

    def empty(self, parts: Parts) -> tuple[()]:
        return ()

    def sequence(self, parts: Parts) -> tuple[Any, ...]:
        return (*parts[1],)

    def pair(self, parts: Parts) -> Parts:
        return [str(parts[0]), parts[2]]

    def empty_mapping(self, parts: Parts) -> dict[str, Any]:
        return {}

    def mapping(self, parts: Parts) -> dict[str, Any]:
        return dict(parts[1])

    def record(self, parts: Parts) -> dict[str, Any]:
        return dict(parts[2])

    def scalar_tensor(self, parts: Parts) -> ast.TensorType:
        return ast.TensorType((), dtype(parts[5].text, parts[5].at))

    def tensor_type(self, parts: Parts) -> ast.TensorType:
        return ast.TensorType((*parts[3],), dtype(parts[-2].text, parts[-2].at))

    def scalar_type(self, parts: Parts) -> ast.TensorType:
        return ast.TensorType((), dtype(parts[0].text, parts[0].at))

    def tuple_type(self, parts: Parts) -> ast.TupleType:
        return ast.TupleType((*parts[1],) if len(parts) > 2 else ())

    def unknown_type(self, parts: Parts) -> ast.OtherType:
        return ast.OtherType()

    def dim(self, parts: Parts) -> int:
        value, _ = number(parts[0], False)
        if not isinstance(value, int):
            raise Unreadable(parts[0].at, f"{parts[0].text} is no dimension")
        return value

    def variable_dim(self, parts: Parts) -> str:
        text: str = parts[0].text
        return text

    def any_dim(self, parts: Parts) -> None:
        return None


RULES = _Rules()
"""What Lark calls."""


def _split(parts: Parts) -> tuple[Parts, dict[str, Any]]:
    """What is no attribute, and the attributes by name."""
    plain: Parts = []
    attrs: dict[str, Any] = {}
    for each in parts:
        if type(each) is not Attribute:
            plain.append(each)
        elif each.name.text in attrs:
            raise Unreadable(each.name.at, f"the attribute {each.name.text} is given twice")
        else:
            attrs[each.name.text] = each.value
    return plain, attrs


def _signed(part: Any) -> tuple[Word, bool, Position]:
    """A number's word, whether it is negative, and where it begins."""
    return (part, False, part.at) if isinstance(part, Word) else part


def _apply(operands: Parts, sign: Word) -> None:
    right, left = operands.pop(), operands.pop()
    operands.append(ast.Call(ast.Operator(_INFIX[sign.text], sign.at), (left, right), {}, sign.at))


def _module(functions: dict[str, ast.Function], parts: Parts) -> ast.Module:
    for each in parts:
        if isinstance(each, Word) and each.type == "VERSION":
            _check_version(each)
    metadata = parts[-1] if parts else None
    if not isinstance(metadata, Word) or metadata.type != "METADATA":
        return ast.Module(functions)
    return ast.Module(functions, metadata.text[len("#[metadata]") :], metadata.line)


def _check_version(word: Word) -> None:
    written = word.text.split('"')[1]
    if written not in _VERSIONS:
        raise Unreadable(word.at, f"text of version {written}; byoc reads {', '.join(_VERSIONS)}")


def _main(body: Any) -> ast.Function:
    """The function that a text without definitions stands for: what is free in it are its parameters."""
    if isinstance(body, ast.Function):
        return body
    bindings = body.bindings if isinstance(body, ast.Scope) else ()
    free = [each for each in bindings if each.value is None]
    bound = tuple(each for each in bindings if each.value is not None)
    params = tuple(ast.Parameter(each.name, each.type, each.at) for each in free)
    result = body.result if isinstance(body, ast.Scope) else body
    if isinstance(result, ast.Function) and not bound and not free:
        return result
    inner = ast.Scope(bound, result, body.at) if bound else result
    return ast.Function(params, {}, None, inner, body.at)
