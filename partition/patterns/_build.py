"""From a parsed tree to the AST: names become wildcards, values and ops, and every mistake gets its position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, Final, NoReturn

from lark import Token, Tree

from byoc.errors import PatternError, nearest
from byoc.partition.patterns.ast import Alternatives, Item, Number, Op, Pattern, Tuple, Wildcard
from byoc.partition.patterns.calls import arity_mistake, attribute_mistake
from byoc.partition.patterns.library import FORMS
from byoc.partition.patterns.walk import roots, size, stray
from byoc.support.ops import OpInfo, is_foreign

Node = Tree[Token]

RESERVED: Final = frozenset({"hw", "options", "output", "outputs", "toolchain"})
"""Names that mean something else in the rules of a support table."""

_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "none": None}


class Builder:
    """Builds one text. A ready-made form is built by a builder of its own, inside (`outer`) the text's."""

    def __init__(
        self,
        tree: Callable[[str], Node],
        known: Mapping[str, OpInfo],
        where: str,
        outer: Builder | None = None,
    ) -> None:
        self.tree, self.known, self.where, self.outer = tree, known, where, outer
        self.values: dict[str, Pattern] = {}
        self.used: set[str] = set()
        self.wildcards: dict[str, Pattern] = {}
        self.constants: frozenset[str] = frozenset()
        self.later: set[str] = set()

    def outputs(self, tree: Node) -> tuple[Pattern, ...]:
        """Build the whole text and return its outputs, held to be computed by ops."""
        results = self.lines(tree)
        last = _subtree(tree.children[-1])
        for index, (result, written) in enumerate(zip(results, last.children, strict=True)):
            if roots(result) is None:
                self._fail(written, "this output can match a value that no op computes")
            if result in results[:index]:
                self._fail(written, "this output is listed twice")
        apart = stray(results)
        if apart is not None:
            what = "this output shares no value with the others; give it a pattern of its own"
            self._fail(last.children[apart], what)
        return results

    def lines(self, tree: Node, name: str = "") -> tuple[Pattern, ...]:
        """Build line by line; `name` names the only output of a ready-made form."""
        bindings = [_subtree(each) for each in tree.children[:-1]]
        self.constants |= frozenset(_constants(tree, self.tree))
        self.later = {str(each.children[0]) for each in bindings}
        for binding in bindings:
            self._bind(binding)
        last = _subtree(tree.children[-1])
        results = tuple([self._build(each, name) for each in last.children])
        for binding in bindings:
            defined = binding.children[0]
            if str(defined) not in self.used:
                self._fail(defined, f"{str(defined)!r} is never used; remove the line or use it")
        return results

    def _bind(self, binding: Node) -> None:
        token, value = binding.children
        name = str(token)
        self._check_name(token)
        if name in self.values:
            self._fail(token, f"{name!r} is defined twice")
        if name in self.wildcards:
            self._fail(token, f"{name!r} is used above this line, which defines it")
        if name in self.constants:
            self._fail(token, f"{name!r} is computed here and cannot be a constant (':const')")
        inner = _ungrouped(value)
        if isinstance(inner, Tree) and inner.data in ("name", "kind", "number", "variadic"):
            self._fail(
                value, f"{name!r} would be a second name for one value; write the value itself"
            )
        self.values[name] = self._build(value, "" if self.outer else name)
        self.later.discard(name)

    def _build(self, tree: Any, name: str = "") -> Pattern:
        build = getattr(self, f"_{tree.data}")
        result: Pattern = build(tree, name)
        return result

    def _name(self, tree: Node, _: str) -> Pattern:
        return self._value(tree.children[0])

    def _kind(self, tree: Node, _: str) -> Pattern:
        token, kind = tree.children
        if kind != "const":
            self._fail(kind, f"unknown kind {str(kind)!r}; the only one is 'const'")
        if token == "_":
            return Wildcard("", True)
        if str(token) in self.values and self.outer is None:
            self._fail(token, f"{str(token)!r} is computed above and cannot be a constant")
        return self._value(token)

    def _value(self, token: Any) -> Pattern:
        """The node that a name stands for."""
        name = str(token)
        if name in self.values:
            self.used.add(name)
            return self.values[name]
        if name == "_":
            return Wildcard()
        self._check_name(token)
        if name in self.later:
            self._fail(token, f"{name!r} is used before the line that defines it")
        return self.wildcard(token, name, name in self.constants)

    def wildcard(self, token: Any, name: str, constant: bool) -> Pattern:
        """The wildcard of this name; a form's wildcards belong to the text around it."""
        if self.outer is not None:
            if name in self.outer.values or name in self.outer.later:
                self.outer._fail(None, f"{name!r} is a wildcard of a ready-made form used here")
            return self.outer.wildcard(token, name, constant)
        known = self.wildcards.setdefault(name, Wildcard(name, constant or name in self.constants))
        if isinstance(known, Tuple):
            self._fail(token, f"{name!r} is a tuple of any length, written (*{name})")
        return known

    def _number(self, tree: Node, _: str) -> Pattern:
        value = float(str(tree.children[0]))
        if not isfinite(value):
            self._fail(tree, f"{tree.children[0]} is too large for a number")
        return Number(value)

    def _group(self, tree: Node, name: str) -> Pattern:
        return self._build(tree.children[0], name)

    def _tuple(self, tree: Node, name: str) -> Pattern:
        return Tuple(tuple([self._build(each) for each in tree.children]), name)

    def _variadic(self, tree: Node, _: str) -> Pattern:
        token = tree.children[0]
        name = str(token)
        if name == "_":
            return Tuple(None)
        self._check_name(token)
        if name in self.values or name in self.later:
            self._fail(token, f"{name!r} is a value; (*{name}) needs a name of its own")
        known = self.wildcards.setdefault(name, Tuple(None, name))
        if not isinstance(known, Tuple):
            self._fail(token, f"{name!r} is a single value; (*{name}) needs a name of its own")
        return known

    def _choice(self, tree: Node, name: str) -> Pattern:
        options = [self._build(each) for each in tree.children]
        return Alternatives(tuple(sorted(options, key=size, reverse=True)), name)

    def _item(self, tree: Node, name: str) -> Pattern:
        inner, token = tree.children
        index = str(token)
        if not index.isdecimal() or len(index) > 9:
            self._fail(token, f"item {index}: expected a whole number, 0 or more")
        return Item(self._build(inner), int(index), name)

    def _any_item(self, tree: Node, name: str) -> Pattern:
        return Item(self._build(tree.children[0]), None, name)

    def _call(self, tree: Node, name: str) -> Pattern:
        callee = tree.children[0]
        if isinstance(callee, Tree) and callee.data == "name":
            token = callee.children[0]
            if str(token).startswith("byoc."):
                return self._form(token, tree, name)
        return self._op(tree, {}, name)

    def _optional(self, tree: Node, name: str) -> Pattern:
        return self._around(tree, self._op(tree, {}, ""), name)

    def _attributes(self, tree: Node, name: str) -> Pattern:
        call = tree.children[0]
        if not isinstance(call, Tree) or call.data not in ("call", "optional"):
            self._fail(tree, "attributes belong to a call: nn.softmax(x){axis=-1}")
        callee = call.children[0]
        if isinstance(callee, Tree) and str(callee.children[0]) in FORMS:
            self._fail(call, f"{callee.children[0]} is a ready-made form and has no attributes")
        attrs = self._attrs([_subtree(each) for each in tree.children[1:]], self._callee(callee))
        if call.data == "call":
            return self._op(call, attrs, name)
        return self._around(call, self._op(call, attrs, ""), name)

    def _around(self, tree: Node, op: Op, name: str) -> Pattern:
        """`op?(x, ...)`: the op around its first operand, or that operand alone."""
        if not op.args:
            self._fail(tree, f"{op.ops[0]}? needs a first operand, to stand for when it is absent")
        return Alternatives((op, op.args[0]), name)

    def _op(self, tree: Node, attrs: Mapping[str, Any], name: str) -> Op:
        ops = self._callee(tree.children[0])
        written, rest = _arguments(tree)
        args = []
        for index, each in enumerate(written):
            if each.data == "rest":
                self._fail(
                    each, f"'...' stands for the remaining operands, not for number {index + 1}"
                )
            args.append(self._build(each))
        for op in ops if args or tree.data == "call" else ():
            wrong = arity_mistake(op, len(args), rest=rest)
            if wrong:
                self._fail(tree, wrong)
        return Op(ops, tuple(args), rest, attrs, name)

    def _callee(self, tree: Any) -> tuple[str, ...]:
        """The ops that a callee names: one, or several in parentheses."""
        inner = _ungrouped(tree)
        each = inner.children if inner.data == "choice" else [inner]
        ops = []
        for one in each:
            one = _ungrouped(one)
            if one.data != "name":
                self._fail(one, "only ops can be called: nn.relu(x), (add|multiply)(x, y)")
            ops.append(self._known_op(one.children[0]))
        return tuple(ops)

    def _known_op(self, token: Any) -> str:
        name = str(token).removeprefix("relax.")
        if name.startswith("byoc."):
            self._fail(token, f"the ready-made form {name} cannot be optional or one of several")
        if name not in self.known and not is_foreign(name):
            self._fail(token, f"unknown op {name!r}{nearest(name, self.known)}")
        return name

    def _attrs(self, written: list[Node], ops: tuple[str, ...]) -> dict[str, Any]:
        attrs: dict[str, Any] = {}
        for each in written:
            token, value = each.children
            name = str(token)
            if name in attrs:
                self._fail(token, f"attribute {name!r} is given twice")
            wrong = attribute_mistake(ops, name)
            if wrong:
                self._fail(token, wrong)
            try:
                attrs[name] = _literal(value)
            except ValueError:
                self._fail(value, f"attribute {name!r} has a value that is no number")
        return attrs

    def _form(self, token: Any, tree: Node, name: str) -> Pattern:
        """Expand a ready-made form, its parameters standing for the operands given."""
        form = FORMS.get(str(token))
        if form is None:
            self._fail(token, f"unknown ready-made form {str(token)!r}{nearest(str(token), FORMS)}")
        written, rest = _arguments(tree)
        by_count = {len(parameters): parameters for parameters in form.texts}
        if rest or len(written) not in by_count:
            ways = " or ".join(f"{form.name}({', '.join(each)})" for each in form.texts)
            self._fail(tree, f"{form.name} is called as {ways}")
        parameters = by_count[len(written)]
        inner = Builder(self.tree, self.known, self.where, self)
        inner.values = {
            parameter: self._build(each)
            for parameter, each in zip(parameters, written, strict=True)
        }
        return inner.lines(self.tree(form.texts[parameters]), name)[0]

    def _check_name(self, token: Any) -> None:
        name = str(token)
        if name == "_":
            self._fail(token, "'_' is any value and cannot be defined")
        if "." in name:
            self._fail(token, f"{name!r} is an op; give it operands: {name}(x)")
        if name in RESERVED and self.outer is None:
            self._fail(token, f"{name!r} has a meaning of its own in rules; choose another name")

    def _fail(self, at: Any, what: str) -> NoReturn:
        """Raise PatternError at a token or tree; positions inside a ready-made form are not the user's."""
        if self.outer is not None:
            self.outer._fail(None, what)
        place = at.meta if isinstance(at, Tree) else at
        line, column = (0, 0) if place is None else (place.line, place.column)
        raise PatternError(what, where=self.where, line=line, column=column)


def _subtree(child: Any) -> Node:
    assert isinstance(child, Tree)
    return child


def _ungrouped(tree: Any) -> Any:
    while tree.data == "group":
        tree = tree.children[0]
    return tree


def _arguments(tree: Node) -> tuple[list[Any], bool]:
    """The operands written in a call, and whether `...` ends them."""
    if len(tree.children) == 1:
        return [], False
    written = list(_subtree(tree.children[1]).children)
    rest = getattr(written[-1], "data", "") == "rest"
    return written[:-1] if rest else written, rest


def _constants(tree: Node, parse: Callable[[str], Node]) -> Iterator[str]:
    """The names marked `:const` anywhere, in the forms that the text uses too."""
    for kind in tree.find_data("kind"):
        yield str(kind.children[0])
    for name in tree.find_data("name"):
        form = FORMS.get(str(name.children[0]))
        for text in form.texts.values() if form is not None else ():
            marked = {str(kind.children[0]) for kind in parse(text).find_data("kind")}
            yield from sorted(marked.intersection(form.exposes if form is not None else ()))


def _literal(tree: Any) -> Any:
    """An attribute's value in plain Python; a bare word is a string, or true, false, none."""
    if tree.data == "list":
        return tuple([_literal(each) for each in tree.children])
    text = str(tree.children[0])
    if tree.data == "word":
        return _WORDS.get(text.lower(), text)
    if tree.data == "string":
        return text[1:-1]
    return int(text) if tree.children[0].type == "INT" else float(text)
