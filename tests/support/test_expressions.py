from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.support.expressions import ExpressionError, parse
from byoc.support.facts import Quant, Tensor
from byoc.support.operations import EvaluationError, NotConstantError, UnknownError

from .build import constant, tensor

VALUES: dict[str, Any] = {
    "data": tensor(1, 16, 32, 32, layout="NCHW"),
    "rows": tensor("n", 16),
    "weight": constant([[1.0, -2.0], [3.0, -4.0]]),
    "packed": Tensor("int4", (3, 3), quant=Quant(0.5, 3)),
    "unranked": Tensor("float32", None),
    "strides": (2, 2),
    "mode": "same",
    "hw": {"sram": 1024, "memory": {"line": 64}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.shape[2] * data.shape[3]", 1024),
        ("data.rank == 4 and data.dtype == 'float32'", True),
        ("data.elements", 16384),
        ("data.bytes", 65536),
        ("packed.bytes", 5),
        ("packed.quant.scale", 0.5),
        ("data.quant == packed.quant", False),
        ("data.constant or weight.constant", True),
        ("data.layout in ('NCHW', 'NHWC')", True),
        ("max(strides) > 1", True),
        ("strides == [2, 2]", True),
        ("[s * 2 for s in strides] == (4, 4)", True),
        ("all(d % 16 == 0 for d in data.shape[1:])", True),
        ("any(d > 100 for d in data.shape if d > 1)", False),
        ("prod(data.shape) if mode == 'same' else 0", 16384),
        ("sum(abs_sum(weight, 0)) - abs(-1)", 9.0),
        ("abs_sum(weight, -1)", (4.0, 6.0)),
        ("hw.memory.line * len(strides)", 128),
        ("2 ** 10", 1024),
        ("rows.shape[1]", 16),
        ("rows.shape == rows.shape", True),
        ("rows.rank", 2),
    ],
)
def test_values(text: str, value: object) -> None:
    assert parse(text).evaluate(VALUES) == value


@pytest.mark.parametrize(
    "text",
    [
        "rows.elements",
        "rows.shape[0] > 1",
        "-rows.shape[0]",
        "prod(rows.shape)",
        "unranked.rank",
        "rows.bytes",
        "rows.shape[0] ** 2",
        "max(rows.shape)",
        "rows.shape[0] != 1",
    ],
)
def test_an_unknown_dimension_is_told_apart(text: str) -> None:
    with pytest.raises(UnknownError):
        parse(text).evaluate(VALUES)


def test_data_of_what_is_no_constant_is_told_apart() -> None:
    with pytest.raises(NotConstantError):
        parse("abs_sum(data, 0)").evaluate(VALUES)


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "strides[7]",
        "strides + 1",
        "mode < 3",
        "hw.nothing",
        "strides.shape",
        "max(3)",
        "sum(mode)",
        "abs_sum(weight, 5)",
        "abs_sum(3, 0)",
        "min(())",
        "mode.upper",
        "data < data",
        "mode % 3",
        "strides * 9",
        "mode * 3",
    ],
)
def test_what_goes_wrong_is_one_error_with_words(text: str) -> None:
    with pytest.raises(EvaluationError, match=r"\w"):
        parse(text).evaluate(VALUES)


@pytest.mark.parametrize(
    "text",
    [
        "().__class__.__bases__[0].__subclasses__()",
        "data.__class__",
        "data.value()",
        "'{0.__class__}'.format(data)",
        "f'{data}'",
        "lambda: 1",
        "(x := 1)",
        "[a for a in (1,) for b in (2,)]",
        "[[a for a in (1,)] for b in (2,)]",
        "{1: 2}",
        "{1, 2}",
        "max(*strides)",
        "max(strides, key=len)",
        "import os",
        "a = 1",
        "1; 2",
        "b'x'",
        "1j",
        "...",
        "1 << 9",
        "a is b",
        "await x",
        "",
        "   ",
        "(" * 300,
        "1 +" * 400 + "1",
        "1" * 2000,
        "-" * 600 + "1",
    ],
)
def test_what_is_outside_the_subset_does_not_parse(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "9 ** 9 ** 9",
        "(2 ** 64) ** 64 ** 2",
        "'a' * 10 ** 9",
        "10 ** 9 * 'a'",
        "(1,) * 10 ** 9",
        "getattr(data, 'value')",
        "open('x')",
        "abs_sum(weight, 10 ** 9)",
        "tuple(strides)",
        "__builtins__",
        "__debug__",
        "[__builtins__ for x in strides]",
        "[__builtins__ for __builtins__ in strides] and __builtins__.eval",
        "max == 3",
        "[x for x in strides] and x",
        "(1, 2)['x']",
        "'a'[1.5]",
    ],
)
def test_hostile_expressions_are_refused(text: str) -> None:
    """Computed, some of these would take for ever."""
    with pytest.raises(EvaluationError):
        parse(text).evaluate(VALUES)


def test_a_comprehension_is_bounded() -> None:
    with pytest.raises(EvaluationError):
        parse("[v for v in many]").evaluate({"many": tuple(range(20_000))})


NAMES = st.sampled_from([*VALUES, "nothing", "1", "0", "2.5", "'a'", "(1, 2)", "True", "None"])
FIELDS = st.sampled_from(
    ["shape", "rank", "bytes", "quant", "quant.scale", "sram", "__dict__", "value"]
)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "==", "in", "and", "or"])
EXPRESSIONS = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.builds("{}.{}".format, inner, FIELDS),
        st.builds(
            "({} {} {})".format,
            inner,
            OPERATORS,
            inner,
        ),
        st.builds(
            "{}({})".format, st.sampled_from(["max", "sum", "len", "all", "prod", "eval"]), inner
        ),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("[q for q in {} if {}]".format, inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(EXPRESSIONS)
def test_any_expression_gives_a_value_or_one_of_our_errors(text: str) -> None:
    with suppress(ExpressionError, UnknownError, NotConstantError, EvaluationError):
        parse(text).evaluate(VALUES)


@given(st.text(max_size=40))
def test_any_text_parses_or_is_an_expression_error(text: str) -> None:
    with suppress(ExpressionError):
        parse(text)
