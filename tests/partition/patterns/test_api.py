from __future__ import annotations

import pickle

import pytest

from byoc import patterns as api
from byoc.errors import PatternError
from byoc.partition.graph import read_module
from byoc.partition.patterns import (
    any_tuple,
    is_const,
    is_number,
    is_op,
    is_tuple,
    is_tuple_get_item,
    optional,
    outputs,
    parse,
    row,
    wildcard,
)
from byoc.partition.patterns.ast import Alternatives, Op, Pattern, Tuple, Where
from tests.partition.build import module
from tests.partition.patterns.same import same


def conv() -> Pattern:
    return is_op("nn.conv2d")(wildcard("x"), is_const("w"))


def test_python_and_text_build_the_same() -> None:
    act = is_op("add")(conv(), is_const("b")).optional(is_op("nn.relu"))
    assert same((act,), parse("nn.relu?(add(nn.conv2d(x, w:const), b:const))"))


def test_attributes_tuples_items_and_numbers() -> None:
    parts = is_op("relax.split")(wildcard("x")).has_attr({"indices_or_sections": [1, 2]}).named("s")
    built = is_op("concat")((parts[0], is_op("clip")(is_tuple_get_item(parts), 0, 6.0)))
    text = "s = split(x){indices_or_sections=[1, 2]}\nconcat((s[0], clip(s[*], 0, 6)))"
    assert same((built,), parse(text))
    assert same((is_op("concat")(any_tuple("xs")),), parse("concat((*xs))"))
    assert same((is_op("concat")(is_tuple(wildcard("a"), 2)),), parse("concat((a, 2))"))
    assert same((is_op("add")(wildcard("a"), is_number(2)),), parse("add(a, 2)"))


def test_either_op_in_both_ways() -> None:
    x, y = wildcard("x"), wildcard("y")
    text = parse("(add|multiply)(x, y)")
    assert same(((is_op("add") | is_op("multiply"))(x, y),), text)
    assert same((is_op("add", "multiply")(x, y),), text)


def test_alternatives_keep_the_order_written() -> None:
    x = wildcard("x")
    choice = is_op("exp")(x) | is_op("nn.relu")(is_op("exp")(x)) | is_op("sigmoid")(x)
    assert [each.ops[0] for each in choice.options if isinstance(each, Op)] == [
        "exp",
        "nn.relu",
        "sigmoid",
    ]
    named = (is_op("exp")(x) | is_op("tanh")(x)).named("act")
    assert isinstance(named | x, Alternatives) and len((named | x).options) == 2


def test_has_attr_asks_every_alternative() -> None:
    x = wildcard("x")
    both = (is_op("nn.softmax")(x) | is_op("nn.log_softmax")(x)).has_attr({"axis": -1})
    assert isinstance(both, Alternatives)
    assert all(isinstance(each, Op) and each.attrs == {"axis": -1} for each in both.options)


def test_optional_in_both_ways() -> None:
    base = conv()
    assert same((optional(base, is_op("exp")),), (base.optional(lambda each: is_op("exp")(each)),))


def test_patterns_are_values() -> None:
    x = wildcard()
    assert x.named("y") is not x and x.name == ""
    op = is_op("split")(x)
    assert op.has_attr({"axis": 1}) is not op


def test_demands_look_at_the_graph() -> None:
    (graph,) = read_module(module([("relu", [0])], inputs=[("n", 4)], dtypes=["float16"]))
    node = graph.ops.index("nn.relu")
    wants = {
        wildcard().has_dtype("float16"): True,
        wildcard().has_dtype("float32"): False,
        wildcard().has_shape(("n", 4)): True,
        wildcard().has_shape((None, 4)): True,
        wildcard().has_shape((1, 4)): False,
        wildcard().has_shape((None, 4, None)): False,
    }
    for pattern, holds in wants.items():
        assert pattern.holds(graph, node) is holds
        assert pickle.loads(pickle.dumps(pattern.holds)) == pattern.holds


def test_a_demand_keeps_names_and_attributes() -> None:
    made = is_op("split")(wildcard()).has_dtype("int8").has_attr({"axis": 1}).named("s")
    assert isinstance(made, Where) and isinstance(made.pattern, Op)
    assert made.pattern.name == "s" and made.pattern.attrs == {"axis": 1}


def test_rows() -> None:
    made = row("npu", "conv", conv(), priority=3, qdq=True)
    assert (made.vendor, made.name, made.priority, made.qdq) == ("npu", "npu.conv", 3, True)
    assert row("npu", "npu.conv", conv()).name == "npu.conv"
    y = is_op("nn.relu")(wildcard())
    assert len(row("npu", "two", outputs(y, is_op("exp")(y))).outputs) == 2


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: is_op("nn.rleu"), r"unknown op 'nn.rleu'; did you mean 'nn.relu'\?"),
        (lambda: is_op(), "names no op"),
        (lambda: wildcard()(wildcard()), "only an op can be called"),
        (
            lambda: is_op("exp")(wildcard())(wildcard()),
            "only an op can be called, and only once|once",
        ),
        (lambda: is_op("exp")("x"), "operand 'x' of type str: expected a pattern"),
        (lambda: is_op("exp")(True), "operand True of type bool"),
        (lambda: wildcard().has_attr({"axis": 1}), "only a call has attributes; Wildcard is none"),
        (lambda: wildcard()[-1], "item -1 of a tuple"),
        (lambda: is_number(1).named("one"), "a number cannot be named 'one'"),
        (lambda: row("npu", "any", wildcard()), "npu.any: output 0 can match a value that no op"),
        (lambda: row("npu", "none", ()), "npu.none: the pattern has no output"),
        (
            lambda: row("npu", "two", (y := is_op("exp")(wildcard()), y)),
            "npu.two: output 1 is listed twice",
        ),
        (
            lambda: row("npu", "two", outputs(conv(), is_op("exp")(wildcard()))),
            "npu.two: output 1 shares no value with the others",
        ),
        (
            lambda: row("npu", "few", is_op("add")(wildcard())),
            r"npu.few: add takes 2 operands \(x1, x2\), 1 is given; write x2 too, or end with",
        ),
        (
            lambda: row("npu", "many", is_op("nn.relu")(wildcard(), wildcard())),
            r"npu.many: nn.relu takes 1 operand \(x\), 2 are given",
        ),
        (
            lambda: row("npu", "a", is_op("nn.softmax")(wildcard()).has_attr({"axs": 1})),
            "npu.a: nn.softmax has no attribute 'axs' .it has axis.; did you mean 'axis'",
        ),
        (lambda: row("npu", "p", conv(), priority="high"), "npu.p: the priority is 'high'"),  # type: ignore[arg-type]
        (lambda: row("npu", "c", conv(), check="no"), "npu.c: the check is 'no'; expected a func"),  # type: ignore[arg-type]
        (lambda: row("npu", "t", "nn.relu(x)"), r"npu.t: the pattern is 'nn.relu\(x\)'; expected"),  # type: ignore[arg-type]
        (
            lambda: row("npu", "same", is_op("add")(wildcard("x"), wildcard("x"))),
            "npu.same: two parts are named 'x'",
        ),
    ],
)
def test_mistakes_are_explained(build: object, words: str) -> None:
    with pytest.raises(PatternError, match=words):
        build()  # type: ignore[operator]


def test_a_pattern_cannot_be_iterated() -> None:
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(wildcard())  # type: ignore[call-overload]


def test_the_facade_offers_what_it_lists() -> None:
    assert api.Pattern is Pattern
    for name in api.__all__:
        assert getattr(api, name) is not None
    assert sorted(api.__all__) == dir(api)
    with pytest.raises(AttributeError, match="nothing"):
        _ = api.nothing
    assert isinstance(is_tuple(), Tuple)
