from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.partition.patterns import is_op, to_text, wildcard
from byoc.partition.patterns.ast import Alternatives, Item, Number, Op, Pattern, Tuple, Wildcard
from byoc.partition.patterns.text import parse
from byoc.partition.patterns.walk import roots, size, stray
from tests.partition.patterns.same import same

UNARY = ("nn.relu", "exp", "sigmoid", "onnx.Clip", "acme.npu.Fused")
BINARY = ("add", "matmul", "nn.conv2d")
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["axis", "mode", "scales", "flag"]),
    st.one_of(
        st.integers(-5, 5),
        st.booleans(),
        st.none(),
        st.floats(-1e6, 1e6),
        st.text(st.characters(codec="ascii", exclude_characters="'\"\n\r"), max_size=8),
        st.lists(st.integers(-3, 3), max_size=3).map(tuple),
    ),
    max_size=2,
)


@st.composite
def patterns(draw: st.DrawFn) -> tuple[Pattern, ...]:
    """Patterns with sharing of every kind, whose alternatives stand longest first as text has them."""
    pool: list[Pattern] = [
        Wildcard("x"),
        Wildcard("w", True),
        Tuple(None, "xs"),
        Wildcard(),
        Op((draw(st.sampled_from(UNARY)),), (Wildcard("y"),)),
    ]
    for step in range(draw(st.integers(1, 10))):
        name = draw(st.sampled_from(["", "", f"n{step}"]))
        kind = draw(
            st.sampled_from(
                ["unary", "binary", "either", "rest", "choice", "optional", "tuple", "item"]
            )
        )
        first, second = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        attrs = draw(st.just({}) | ATTRIBUTES)
        foreign = ("acme.npu.Fused",)
        made: Pattern
        if kind == "unary":
            made = Op((draw(st.sampled_from(UNARY)),), (first,), name=name)
        elif kind == "binary":
            number = Number(draw(st.sampled_from([0.5, 3.0, -1.25, 1e-5, 1e20])))
            made = Op(
                (draw(st.sampled_from(BINARY)),),
                (first, draw(st.sampled_from([second, number]))),
                name=name,
            )
        elif kind == "either":
            made = Op(BINARY, (first, second), name=name)
        elif kind == "rest":
            made = Op(foreign, (first, second), True, attrs, name)
        elif kind == "choice":
            made = Alternatives(tuple(sorted((first, second), key=size, reverse=True)), name)
        elif kind == "optional":
            made = Alternatives((Op(foreign, (first, second), attrs=attrs), first), name)
        elif kind == "tuple":
            made = Tuple(tuple(draw(st.lists(st.sampled_from(pool), max_size=3))), name)
        else:
            made = Item(first, draw(st.sampled_from([0, 1, None])), name)
        pool.append(made)
    rooted = [each for each in pool if roots(each) is not None]
    chosen = draw(st.lists(st.sampled_from(rooted), min_size=1, max_size=2, unique_by=id))
    return tuple(chosen if stray(chosen) is None else chosen[:1])


@given(patterns())
@settings(max_examples=400, deadline=None)
def test_printed_patterns_parse_to_the_same(outputs: tuple[Pattern, ...]) -> None:
    text = to_text(*outputs)
    assert same(outputs, parse(text)), text
    assert to_text(*parse(text)) == text


def test_shared_parts_without_a_name_get_one_that_is_free() -> None:
    x = wildcard("v1")
    shared = is_op("exp")(x)
    assert to_text(is_op("add")(shared, shared)) == "v2 = exp(v1)\nadd(v2, v2)"


def test_an_optional_op_that_is_shared_has_a_line_of_its_own() -> None:
    first = is_op("exp")(wildcard("x"))
    outer = is_op("tanh")(first)
    text = to_text(is_op("add")(outer, outer | first))
    assert text == "v1 = exp(x)\nv2 = tanh(v1)\nadd(v2, v2 | v1)"
    assert to_text(*parse(text)) == text


def test_demands_that_text_cannot_say_stand_in_comments() -> None:
    x = wildcard("x").has_dtype("float16")
    act = is_op("nn.relu")(x).has_shape((1, None))
    assert to_text(act) == "v1 = nn.relu(x)\nv1\n# x: dtype float16\n# v1: shape (1, ?)"


@pytest.mark.parametrize(
    "text",
    [
        "nn.relu?(add?(nn.conv2d(x, w:const), b:const))",
        "(add|multiply)(x, y){}",
        "(exp(x) | nn.relu(x))[0]",
        "concat((x,))",
        "concat(())",
        "split(x){axis=-1, indices_or_sections=[1, 2]}[*]",
    ],
)
def test_text_survives(text: str) -> None:
    assert same(parse(text), parse(to_text(*parse(text))))
