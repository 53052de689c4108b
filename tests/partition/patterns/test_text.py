from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import lark
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from byoc.errors import PatternError
from byoc.partition.patterns import text as text_form
from byoc.partition.patterns.ast import Alternatives, Item, Number, Op, Tuple, Wildcard
from byoc.partition.patterns.text import parse
from byoc.partition.patterns.walk import names, nodes, size
from byoc.support.ops import OpInfo

PATTERNS = YAML(typ="safe").load(Path(__file__).parents[2] / "data" / "patterns.yaml")

SIZES = {
    "conv_bias_relu": 3,
    "cublas_matmul_T": 4,
    "dw_pw": 2,
    "attention": 6,
    "cutlass_residual": 4,
    "act_args": 3,
    "hswish_fused": 6,
    "layernorm": 9,
    "gelu_erf": 5,
    "gelu_tanh": 8,
    "lstm_cell": 14,
    "qdq_conv": 7,
    "split2": 3,
    "concat": 1,
    "trt_slice": 1,
    "stacked_attn": 5,
    "cublas_dq": 3,
    "cublas_mul": 5,
    "resize": 1,
    "residual_same": 4,
    "multi_out": 2,
    "onnx_lstm": 1,
}


@pytest.mark.parametrize("name", SIZES)
def test_the_patterns_of_real_tables_parse(name: str) -> None:
    assert size(*parse(PATTERNS[name])) == SIZES[name]


def test_no_pattern_was_forgotten() -> None:
    assert list(PATTERNS) == list(SIZES)


def test_the_grammar_has_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    grammar = Path(text_form.__file__).with_name("grammar.lark").read_text()
    with caplog.at_level(logging.DEBUG, logger=lark.logger.name):
        lark.Lark(grammar, parser="lalr", lexer="basic", debug=True)
    assert "conflict" not in caplog.text.lower()


def test_one_name_is_one_node() -> None:
    (output,) = parse("add(x, nn.relu(x))")
    assert isinstance(output, Op) and output.args is not None
    x, relu = output.args
    assert isinstance(relu, Op) and relu.args == (x,)


def test_const_anywhere_makes_the_name_constant_everywhere() -> None:
    (output,) = parse("add(w, nn.relu(w:const))")
    assert isinstance(output, Op) and output.args is not None
    assert isinstance(output.args[0], Wildcard) and output.args[0].constant
    assert names(output) == ("w",)


def test_underscore_is_a_new_value_each_time() -> None:
    (output,) = parse("where(_, _, _:const)")
    assert isinstance(output, Op) and output.args is not None
    assert len(set(output.args)) == 3
    assert [each.constant for each in output.args] == [False, False, True]  # type: ignore[union-attr]


def test_an_optional_op_stands_around_its_first_operand() -> None:
    (output,) = parse("nn.relu?(exp(x))")
    assert isinstance(output, Alternatives)
    outer, inner = output.options
    assert isinstance(outer, Op) and outer.args == (inner,)


def test_alternatives_stand_longest_first_and_else_as_written() -> None:
    (output,) = parse("exp(x) | nn.relu(exp(x)) | sigmoid(x)")
    assert isinstance(output, Alternatives)
    assert [each.ops[0] for each in output.options if isinstance(each, Op)] == [
        "nn.relu",
        "exp",
        "sigmoid",
    ]


def test_values_keep_their_names_and_several_outputs_share() -> None:
    first, second = parse("y = nn.relu(x)\ny, nn.max_pool2d(y)")
    assert isinstance(second, Op) and second.args == (first,)
    assert names(first, second) == ("x", "y")


def test_lines_go_on_inside_brackets_and_at_bars() -> None:
    text = """
    # an activation
    c = nn.conv2d(
        x,
        w:const,   # weights
    )
    nn.relu(c)
    | sigmoid(c) |
      c
    """
    assert size(*parse(text)) == 2


def test_numbers_tuples_items_and_attributes() -> None:
    (output,) = parse(
        "concat((clip(x, -1.5, 6), split(y){indices_or_sections=[1, 2], axis=-1}[1], (*_))){axis=1}"
    )
    assert isinstance(output, Op) and output.args is not None and output.attrs == {"axis": 1}
    (fields,) = output.args
    assert isinstance(fields, Tuple) and fields.fields is not None
    clip, item, rest = fields.fields
    assert isinstance(clip, Op) and clip.args is not None
    assert [each.value for each in clip.args[1:] if isinstance(each, Number)] == [-1.5, 6.0]
    assert isinstance(item, Item) and item.index == 1
    assert isinstance(item.tuple, Op)
    assert item.tuple.attrs == {"indices_or_sections": (1, 2), "axis": -1}
    assert isinstance(rest, Tuple) and rest.fields is None


def test_attribute_words() -> None:
    (output,) = parse("acme.Fused(x){a=true, b=False, c=none, d=NCHW, e='x y', f=1e-3, g=(1, 2.5)}")
    assert isinstance(output, Op)
    assert output.attrs == {
        "a": True, "b": False, "c": None, "d": "NCHW", "e": "x y", "f": 1e-3, "g": (1, 2.5),
    }  # fmt: skip


def test_the_relax_prefix_is_allowed() -> None:
    (output,) = parse("relax.nn.relu(x)")
    assert isinstance(output, Op) and output.ops == ("nn.relu",)


ERRORS = {
    "": (0, 0, "the pattern is empty"),
    "x": (1, 1, "no op computes"),
    "nn.relu?(x)": (1, 1, "no op computes"),
    "nn.rleu(x)": (1, 1, "unknown op 'nn.rleu'; did you mean 'nn.relu'?"),
    "exp(onnx.LTSM(x))": (1, 5, "unknown op 'onnx.LTSM'; did you mean 'onnx.LSTM'?"),
    "exp(nn.relu)": (1, 5, "'nn.relu' is an op; give it operands: nn.relu(x)"),
    "exp(x": (1, 6, "the text ends too early; expected ')'"),
    "exp(x) exp": (1, 8, "unexpected 'exp'"),
    "exp(x)\n  $": (2, 3, "unexpected '$'"),
    "c = exp(x)\nexp(d)": (1, 1, "'c' is never used"),
    "c = exp(x)\nc = exp(x)\nexp(c)": (2, 1, "'c' is defined twice"),
    "c = exp(c)\nexp(c)": (1, 9, "'c' is used before the line that defines it"),
    "d = exp(c)\nc = exp(x)\nadd(c, d)": (1, 9, "'c' is used before the line that defines it"),
    "c = x\nexp(c)": (1, 5, "a second name for one value"),
    "c = 0.5\nexp(c)": (1, 5, "a second name for one value"),
    "c = exp(x)\nexp(c:const)": (1, 1, "cannot be a constant"),
    "exp(x:cosnt)": (1, 7, "unknown kind 'cosnt'; the only one is 'const'"),
    "add(..., x)": (1, 5, "'...' stands for the remaining operands"),
    "exp(x, y)": (1, 1, "exp takes 1 operand (x), 2 are given"),
    "split(x){axes=2}": (1, 10, "split has no attribute 'axes'"),
    "split(x){axis=2, axis=1}": (1, 18, "attribute 'axis' is given twice"),
    "add(x, y{axis=1})": (1, 8, "attributes belong to a call"),
    "exp?()": (1, 1, "needs a first operand"),
    "(exp|x[0])(y)": (1, 6, "only ops can be called"),
    "exp(x)[-1]": (1, 8, "expected a whole number, 0 or more"),
    "exp(x), exp(y), z": (1, 17, "no op computes"),
    "y = exp(x)\ny, y": (2, 4, "listed twice"),
    "nn.relu(x), exp(y)": (1, 13, "shares no value with the others"),
    "nn.relu(add(x))": (1, 9, "add takes 2 operands (x1, x2), 1 is given; write x2 too"),
    "add(x, (*x))": (1, 10, "'x' is a single value"),
    "concat((*xs), xs)": (1, 15, "'xs' is a tuple of any length"),
    "hw = exp(x)\nexp(hw)": (1, 1, "'hw' has a meaning of its own in rules"),
    "_ = exp(x)\nexp(_)": (1, 1, "'_' is any value and cannot be defined"),
    "byoc.glu(x)": (1, 1, "unknown ready-made form 'byoc.glu'; did you mean 'byoc.gelu'?"),
    "byoc.gelu(x, y)": (1, 1, "byoc.gelu is called as byoc.gelu(x)"),
    "byoc.gelu?(x)": (1, 1, "cannot be optional"),
    "byoc.gelu(x){axis=1}": (1, 1, "is a ready-made form and has no attributes"),
    "mask = exp(x)\nadd(mask, byoc.attention(q, k, v))": (0, 0, "'mask' is a wildcard of a ready-made"),
    "exp(1e999)": (1, 5, "too large"),
}  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_say_where_and_what(text: str) -> None:
    line, column, words = ERRORS[text]
    with pytest.raises(PatternError) as caught:
        parse(text, where="conv_bias")
    assert words in caught.value.what
    assert (caught.value.line, caught.value.column) == (line, column)
    place = f"conv_bias, line {line}, column {column}: " if line else "conv_bias: "
    assert str(caught.value) == place + caught.value.what


def test_other_ops_can_be_made_known() -> None:
    mine = {"my.conv": OpInfo("my.conv", ("data",), ("stride",))}
    (output,) = parse("my.conv(x){stride=2}", known=mine)
    assert isinstance(output, Op) and output.ops == ("my.conv",)
    with pytest.raises(PatternError, match=r"unknown op 'nn.relu'"):
        parse("nn.relu(x)", known=mine)


PIECES = """
x y w c nn.relu add
split byoc.gelu byoc.attention onnx.LSTM acme.X _ :const ( ) , | ? = [ ] { } 0 1 -1 0.5 1e9 * ...
'a' "b #
"""


@given(
    st.lists(st.sampled_from([*PIECES.split(), "\n"]), max_size=25).map(" ".join)
    | st.text(max_size=40)
)
@example("(" * 5000 + "x" + ")" * 5000)
@example("exp(x){a=" + "9" * 5000 + "}")
@example("exp(x)[" + "9" * 5000 + "]")
@example("acme.X(x){a=-007}")
@settings(max_examples=500, deadline=None)
def test_any_text_parses_or_is_refused_in_words(text: str) -> None:
    try:
        outputs = parse(text)
    except PatternError as error:
        assert error.what
    else:
        assert nodes(outputs)


def test_text_needs_no_tvm() -> None:
    code = (
        "import sys; from byoc.partition.patterns import is_op, parse, to_text\n"
        "to_text(*parse('byoc.gelu(x)')); is_op('nn.relu')\n"
        "assert not {'tvm', 'onnx', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
