"""Relay's pattern language in byoc against TVM's own of Relax, where both say the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tvm import relax
from tvm.relax import dpl

from byoc.relay import dataflow_pattern as relay
from tests.partition.build import module

UNARY = ("nn.relu", "exp", "tanh")
BINARY = ("subtract", "divide", "power")


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    """A function of up to nine ops of tensors, two of them inputs, one a constant."""
    nodes: list[tuple[str, list[Any]]] = []
    for place in range(draw(st.integers(1, 9))):
        values = (
            st.one_of(st.integers(0, place + 1), st.just(1.5))
            if place % 2
            else st.integers(0, place + 1)
        )
        unary = draw(st.booleans())
        name = draw(st.sampled_from(UNARY if unary else BINARY))
        first = draw(st.integers(0, place + 1))
        nodes.append((name, [first] if unary else [first, draw(values)]))
    # The last op reads the one before, so that patterns have something to go down.
    if len(nodes) > 1:
        nodes[-1] = (nodes[-1][0], [len(nodes), *nodes[-1][1][1:]])
    return module(nodes, inputs=((4, 4), (4, 4)))["main"]


Tree = tuple[Any, ...]


def trees(depth: int = 4) -> st.SearchStrategy[Tree]:
    """A pattern: ("any",), ("constant",), ("var",), (op, operands), ("or", one, other), ("same", number)."""
    leaves = st.sampled_from(
        [("any",), ("any",), ("constant",), ("var",), ("same", 0), ("same", 1)]
    )

    def around(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        unary = st.tuples(st.sampled_from(UNARY), st.tuples(inner))
        binary = st.tuples(st.sampled_from(BINARY), st.tuples(inner, inner))
        either = st.tuples(st.just("or"), inner, inner)
        return st.one_of(unary, binary, either)

    return st.recursive(leaves, around, max_leaves=depth)


class Maker:
    """A pattern in one of both languages."""

    def __init__(self, language: Any, prefix: str, variable: Any, constant: Any) -> None:
        self.language, self.prefix = language, prefix
        self.variable, self.constant = variable, constant
        self.shared = [language.wildcard(), language.wildcard()]

    def made(self, tree: Tree) -> Any:
        """The pattern of a tree."""
        match tree:
            case ("any",):
                return self.language.wildcard()
            case ("constant",):
                return self.constant()
            case ("var",):
                return self.variable()
            case ("same", int(number)):
                return self.shared[number]
            case ("or", one, other):
                return self.made(one) | self.made(other)
        name, operands = tree
        return self.language.is_op(f"{self.prefix}{name}")(*[self.made(each) for each in operands])


def both(tree: Tree) -> tuple[Any, Any]:
    """The pattern of a tree, as Relay's and as Relax's."""
    ours = Maker(relay, "", relay.is_var, relay.is_constant).made(tree)
    return ours, Maker(dpl, "relax.", dpl.is_var, dpl.is_const).made(tree)


def output(function: Any) -> Any:
    """The variable of the last op."""
    bindings = function.body.blocks[-1].bindings
    return bindings[-2].var if isinstance(bindings[-1].value, relax.Var) else bindings[-1].var


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Tree]:
    """A function, and a pattern made of what is there: some parts left open, alternatives, some parts wrong."""
    function = draw(graphs())
    values = relax.analysis.get_var2val(function)

    def part(expr: Any, depth: int) -> Tree:
        way = draw(st.sampled_from(["down"] * 6 + ["any", "same", "or", "other", "wrong"]))
        held = values.get(expr, expr) if isinstance(expr, relax.Var) else expr
        if not isinstance(held, relax.Call) or depth > 4:
            return draw(
                st.sampled_from(
                    [("any",), ("any",), ("same", 0), ("same", 1), ("var",), ("constant",)]
                )
            )
        if way in ("any", "wrong"):
            return ("any",) if way == "any" else (draw(st.sampled_from(UNARY)), (("any",),))
        if way == "same":
            return ("same", draw(st.integers(0, 1)))
        below: Tree = (
            held.op.name.removeprefix("relax."),
            tuple(part(each, depth + 1) for each in held.args),
        )
        if way == "down":
            return below
        other = draw(trees(2))
        return ("or", below, other) if way == "or" else ("or", other, below)

    return function, part(output(function), 0)


def answers(function: Any, tree: Tree) -> tuple[bool, bool]:
    """Whether the pattern fits the function's result: byoc's answer, TVM's answer."""
    ours, theirs = both(tree)
    values = relax.analysis.get_var2val(function)
    return ours.match(function), bool(theirs.match(output(function), values))


def parts(tree: Tree) -> set[str]:
    """What a pattern is made of."""
    name, *inside = tree
    below = inside if name == "or" else inside[0] if name in (*UNARY, *BINARY) else ()
    return {name}.union(*map(parts, below))


def agrees(function: Any, tree: Tree) -> None:
    """Both answer alike; where an alternative decides what a shared part stands for, byoc may find one way more."""
    ours, theirs = answers(function, tree)
    assert ours or not theirs
    if not {"or", "same"} <= parts(tree):
        assert ours is theirs


@given(cases())
@settings(max_examples=300, deadline=None)
def test_patterns_of_what_is_there_match_alike(case: tuple[Any, Tree]) -> None:
    agrees(*case)


@given(graphs(), trees())
@settings(max_examples=100, deadline=None)
def test_patterns_of_anything_match_alike(function: Any, tree: Tree) -> None:
    agrees(function, tree)


@pytest.mark.slow
@given(cases())
@settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_patterns_match_alike(case: tuple[Any, Tree]) -> None:
    agrees(*case)


def test_byoc_comes_back_to_an_alternative() -> None:
    function = module([("nn.relu", [0]), ("subtract", [1, 0])])["main"]
    shared = ("same", 0)
    tree = ("subtract", (("or", ("nn.relu", (shared,)), ("any",)), ("or", shared, ("any",))))
    assert answers(function, tree) == (True, True)
    tree = ("subtract", (("or", shared, ("nn.relu", (shared,))), shared))
    assert answers(function, tree) == (True, False)
