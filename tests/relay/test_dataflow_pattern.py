"""Relay's pattern language as a whole: every name, and what is refused."""

from __future__ import annotations

import pytest

from byoc.errors import PatternError
from byoc.partition.patterns.ast import Row
from byoc.relay import dataflow_pattern as dp
from byoc.relay import tvm
from byoc.relay.dataflow_pattern import is_op, wildcard
from byoc.relay.expr import const
from byoc.relay.names import NAMES, WITHOUT_FORM
from byoc.relay.register import get_pattern_table, register_op_attr, register_pattern_table
from byoc.relay.spelling import forms
from byoc.relay.table import rows, rows_from_relay
from byoc.support.ops import known_ops
from tests.relay.build import found

RELU = "a = nn.relu(x) -> a"
CHAIN = "a = nn.relu(x); e = exp(a); s = sqrt(e) -> s"


def relu() -> dp.DFPattern:
    return is_op("nn.relu")(wildcard())


def test_every_name_of_the_table_is_an_op_of_relax() -> None:
    assert [row.relax for row in NAMES.values() if row.relax not in known_ops()] == []
    assert sorted(forms().keys() & WITHOUT_FORM) == []


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        (RELU, relu(), True),
        (RELU, is_op("nn.relu")(None), True),
        (RELU, (is_op("exp") | is_op("nn.relu"))(wildcard()), True),
        (RELU, is_op("nn.relu")(dp.is_var("x")), True),
        (RELU, is_op("nn.relu")(dp.is_var("other")), False),
        (RELU, is_op("nn.relu")(dp.is_constant()), False),
        (RELU, relu().has_dtype("float32"), True),
        (RELU, relu().has_dtype("int8"), False),
        (RELU, dp.has_shape([4, 4], relu()), True),
        (RELU, dp.has_shape([4, 5], relu()), False),
        (RELU, dp.has_type(tvm.ir.TensorType((4, 4), "float32"), relu()), True),
        (RELU, dp.has_type(tvm.ir.TensorType((4, 4), "float16"), relu()), False),
        ("a = add(x, 2.0) -> a", wildcard() + dp.is_expr(const(2.0)), True),
        ("a = add(x, 2.0) -> a", wildcard() + dp.is_expr(const(3.0)), False),
        ("a = divide(x, y) -> a", wildcard() / wildcard(), True),
        ("a = subtract(x, y) -> a", wildcard() - wildcard(), True),
        ("a = concat((x, y)) -> a", is_op("concatenate")(dp.is_tuple([wildcard()] * 1)), False),
        ("a = concat((x, y)) -> a", is_op("concatenate")(dp.is_tuple(None)), True),
        ("c = nn.conv2d(i, w) -> c", is_op("nn.conv2d")(None).has_attr({"channels": 8}), True),
        ("c = nn.conv2d(i, w) -> c", is_op("nn.conv2d")(None).has_attr({"channels": 9}), False),
        (
            "c = nn.conv2d(i, w) -> c",
            dp.has_attr({"kernel_size": [3, 3]}, is_op("nn.conv2d")(None)),
            True,
        ),
        (CHAIN, is_op("sqrt")(wildcard()).dominates(relu(), is_op("exp")(wildcard())), True),
        (CHAIN, is_op("sqrt")(wildcard()).dominates(relu(), is_op("tanh")(wildcard())), False),
        ("a = nn.relu(x) -> a", is_op("nn.bitpack")(wildcard()) | relu(), True),
    ],
)
def test_a_pattern_matches(text: str, pattern: dp.DFPattern, matches: bool) -> None:
    assert bool(found(text, [("row", pattern)])) is matches


def test_let_is_its_body_around_the_value() -> None:
    var = dp.is_var("v")
    pattern = dp.is_let(var, relu(), is_op("exp")(var))
    assert found("a = nn.relu(x); e = exp(a) -> e", [("row", pattern)]) == ["row(a e)"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: is_op("nn.conv2dd"), r"unknown Relay op 'nn.conv2dd'.*nn.conv2d"),
        (lambda: dp.is_expr("x"), "expected a constant"),
        (lambda: rows_from_relay("npu", [("r", wildcard())]), "npu.r: .*root must be an op"),
        (lambda: rows_from_relay("npu", [("r", is_op("exp"))]), "npu.r: .*is not called"),
        (lambda: rows_from_relay("npu", [("r",)]), "expected .name, pattern"),
        (lambda: rows_from_relay("npu", [("r", relu(), 3)]), "r: the check is 3"),
        (
            lambda: rows_from_relay("npu", [("r", is_op("exp")(dp.is_if(relu(), relu(), relu())))]),
            "does not reach into branches",
        ),
        (lambda: rows_from_relay("npu", [("r", is_op("exp")(3))]), "expected one of byoc.relay"),
        (lambda: dp.rewrite(dp.DFPatternCallback(), None), "expected a Relax function"),
        (lambda: get_pattern_table("no such"), "no Relay pattern table"),
    ],
)
def test_what_is_refused(make: object, words: str) -> None:
    with pytest.raises(PatternError, match=words):
        make()  # type: ignore[operator]


def test_registration_as_tables_do_it() -> None:
    @register_pattern_table("registered")
    def table() -> list[tuple[str, dp.DFPattern]]:
        return [("registered.relu_exp", is_op("exp")(relu())), ("relu", relu())]

    @register_op_attr("exp", "target.registered")
    def takes_exp(attrs: object, args: object) -> bool:
        return True

    register_op_attr("nn.bitpack", "target.registered", lambda expr: True)
    register_op_attr("exp", "TOpPattern", 0)
    made = rows("registered")
    assert [name for name, _ in get_pattern_table("registered")] == [name for name, _ in table()]
    assert [row.name for row in made] == [
        "registered.relu_exp",
        "registered.relu",
        "registered.exp",
    ]
    assert [row.priority for row in made] == [2, 1, -1]
    assert all(isinstance(row, Row) and row.once for row in made)
    assert next(row.name for row in rows("registered", "other")) == "other.registered.relu_exp"
    assert callable(takes_exp)
