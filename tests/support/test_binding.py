from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.errors import TableError
from byoc.support import CODES, BoundTable, Facts, Quant, Tensor
from byoc.support.facts import Attribute, Dim, Input

from .build import bound, constant, conv2d, relu, tensor

CONV = """
description: Reference NPU
hardware: {sram: 18KiB, weight_sum: 200, memory: {line: 64B, name: v1}}
defaults: {dtypes: [float32], rank: {max: 4}}
ops:
  nn.relu: {}
  nn.conv2d:
  - qdq: true
    use: joined
    dtypes: [float32, "(int8, int8) -> int8"]
    inputs:
      data: {layout: NCHW, shape: [1, "%16", "1..8192", "*"]}
      weight: {constant: true, bytes: {max: =hw.sram}}
    attrs: {groups: 1, strides: {each: [1, 2]}, padding: {each: {max: 3}}}
    when:
    - {holds: "weight.shape[2] * weight.shape[3] <= 49", because: kernels of at most 7x7}
    - {if: "max(strides) > 1", holds: "sum(padding) == 0", because: strided reads take no padding}
    - {holds: "max(abs_sum(weight, 0)) <= hw.weight_sum", because: the accumulator would overflow}
  - inputs: {weight: {constant: false}}
patterns:
  conv2d_bias_relu:
    match: |
      c = add(nn.conv2d(x, w:const), b:const)
      nn.relu(c)
    priority: 10
    inputs: {b: {rank: 1}}
    when: ["c.shape == output.shape", "b.shape[0] > 1"]
segments: {max: 16, max_constant_bytes: =hw.sram * 2, alignment: =hw.memory.line}
"""


@pytest.fixture
def table(tmp_path: Path) -> BoundTable:
    return bound(tmp_path, CONV)


def message(table: BoundTable, facts: Facts, row: int = 0) -> tuple[str, str] | None:
    found = table.ops[facts.op][row].test(facts)
    return None if found is None else (found.code, found.message)


def test_a_table_bound_to_its_own_figures(table: BoundTable) -> None:
    assert table.vendor == "npu"
    assert table.hardware == {
        "sram": 18432,
        "weight_sum": 200,
        "memory": {"line": 64, "name": "v1"},
    }
    assert (table.limits.max_segments, table.limits.max_constant_bytes) == (16, 36864)
    assert (table.limits.max_ops, table.limits.alignment) == (None, 64)
    first, second = table.ops["nn.conv2d"]
    assert (first.use, first.qdq, first.rule) == ("joined", True, "support.yaml:10")
    assert (second.use, second.qdq, second.rule) == ("alone", False, "support.yaml:21")
    assert [each.op for each in table.rows] == ["nn.relu", "nn.conv2d", "nn.conv2d"]


def test_the_rules_of_a_row(table: BoundTable) -> None:
    assert message(table, conv2d()) is None
    assert message(table, conv2d(weight=(32, 16, 7, 8), fill=0)) == (
        "shape",
        "weight takes 114688 bytes; npu takes at most 18432",
    )
    assert message(table, conv2d(weight=(1, 16, 7, 8), fill=0)) == (
        "when",
        "kernels of at most 7x7",
    )
    assert message(table, conv2d(strides=(2, 2))) == ("when", "strided reads take no padding")
    assert message(table, conv2d(strides=(2, 2), padding=(0, 0, 0, 0))) is None
    assert message(table, conv2d(fill=2)) == ("when", "the accumulator would overflow")
    assert message(table, conv2d(is_constant=False), row=1) is None


def test_the_chosen_chip_overrides_the_defaults(tmp_path: Path) -> None:
    chip = bound(tmp_path, CONV, {"sram": "1MiB", "memory": {"line": 128}})
    assert chip.hardware["memory"] == {"line": 128, "name": "v1"}
    assert chip.limits.alignment == 128
    assert chip.digest == bound(tmp_path, CONV).digest
    assert message(chip, conv2d(weight=(32, 16, 4, 4), fill=0.1)) is None


def test_figures_may_depend_on_figures(tmp_path: Path) -> None:
    text = "hardware: {macs: 4, clock: 2, peak: =hw.macs * hw.clock}\n"
    assert bound(tmp_path, text).hardware["peak"] == 8
    assert bound(tmp_path, text, {"macs": 10}).hardware["peak"] == 20


def test_expressions_that_read_the_op(tmp_path: Path) -> None:
    table = bound(
        tmp_path,
        "ops:\n  nn.conv2d:\n    attrs: {groups: '=data.shape[1]'}\n"
        "    inputs: {weight: {shape: ['=data.shape[1]', 1, '*', '*']}}\n",
    )
    depthwise = conv2d((1, 16, 8, 8), (16, 1, 3, 3), groups=16)
    assert message(table, depthwise) is None
    assert message(table, conv2d((1, 16, 8, 8), groups=1)) == (
        "shape",
        "weight.shape[0] is 32; npu takes 16",
    )
    assert message(table, conv2d((1, 16, 8, 8), (16, 1, 3, 3), groups=1)) == (
        "attribute",
        "groups is 1; npu takes 16",
    )
    code, words = message(table, conv2d((1, "c", 8, 8))) or ("", "")
    assert code == "dynamic"
    assert "dimension c is not known" in words


def test_options_and_the_toolchain(tmp_path: Path) -> None:
    text = "ops: {nn.relu: {qdq: =options.int8, when: ['toolchain == \"2.1\"']}}"
    from byoc.support import load_table

    from .build import HEAD, write

    table = load_table(write(tmp_path, HEAD + text))
    assert table.bind({}, {"int8": True}, "2.1").ops["nn.relu"][0].qdq is True
    old = table.bind({}, {"int8": False}, "2.0").ops["nn.relu"][0]
    assert old.qdq is False
    found = old.test(relu(1))
    assert found is not None
    assert found.message == "npu demands toolchain == '2.1'; toolchain is 2.0".replace("'", '"')
    with pytest.raises(TableError, match="has no value for this chip: there is no 'int8'"):
        table.bind()


@pytest.mark.parametrize(
    ("rule", "facts", "expected"),
    [
        ("sum(padding) == 0", conv2d(), ("when", "demands sum(padding) == 0; sum(padding) is 4")),
        ("data.layout == 'NHWC'", conv2d(), ("when", "; data.layout is NCHW")),
        ("not data.constant", conv2d(), None),
        ("data.shape[0] == 1", conv2d(("n", 16, 8, 8)), ("dynamic", "dimension n is not known")),
        ("max(abs_sum(data, 0)) > 1", conv2d(), ("constant", "needs the data of a constant")),
        ("padding[9] == 1", conv2d(), ("when", "cannot be evaluated: tuple index out of range")),
        ("data.shape", conv2d(), None),
        ("output.shape[0] == len(outputs)", conv2d(), None),
        ("dilation[0] == 5 and out_layout == 'x'", conv2d(), None),
    ],
)
def test_when(tmp_path: Path, rule: str, facts: Facts, expected: tuple[str, str] | None) -> None:
    table = bound(tmp_path, f'ops:\n  nn.conv2d:\n    when: ["{rule}"]\n')
    found = message(table, facts)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] == expected[0]
        assert expected[1] in found[1]


def test_a_rule_that_names_an_absent_input_holds(tmp_path: Path) -> None:
    table = bound(tmp_path, 'ops: {onnx.LSTM: {when: ["B.rank == 7", "X.rank == 3"]}}')
    facts = Facts("onnx.LSTM", {"X": tensor(1, 2, 3), "B": None}, (tensor(1),))
    assert message(table, facts) is None
    given_b = Facts("onnx.LSTM", {"X": tensor(1, 2, 3), "B": tensor(1)}, (tensor(1),))
    assert message(table, given_b) == ("when", "npu demands B.rank == 7; B.rank is 1")


def test_quantisation_parameters(tmp_path: Path) -> None:
    table = bound(
        tmp_path,
        "ops:\n  nn.max_pool2d:\n    qdq: true\n    when:\n"
        "    - {holds: data.quant == output.quant, because: pooling does not rescale}\n",
    )

    def pool(scale: float) -> Facts:
        data = tensor(1, 8, 4, 4, dtype="int8", quant=Quant(0.5, 0))
        out = tensor(1, 8, 2, 2, dtype="int8", quant=Quant(scale, 0))
        return Facts("nn.max_pool2d", {"data": data}, (out,))

    assert message(table, pool(0.5)) is None
    assert message(table, pool(0.25)) == ("when", "pooling does not rescale")


def test_a_pattern(table: BoundTable) -> None:
    (row,) = table.patterns
    assert (row.name, row.priority, row.rule, row.use) == (
        "conv2d_bias_relu",
        10,
        "support.yaml:23",
        "alone",
    )
    assert row.text.splitlines()[1] == "nn.relu(c)"
    assert (Path(row.file).name, row.line, row.column) == ("support.yaml", 25, 7)
    image = tensor(1, 8, 4, 4)
    inside = tensor(1, 8, 4, 4, dtype="int32")
    weight, bias = constant(np.ones((8, 8, 1, 1), "float32")), constant(np.ones(8, "float32"))
    inputs = {"c": inside, "x": image, "w": weight, "b": bias}
    assert row.test(Facts("conv2d_bias_relu", inputs, (image,))) is None
    half = {**inputs, "x": tensor(1, 8, 4, 4, dtype="float16")}
    found = row.test(Facts("conv2d_bias_relu", half, (image,)))
    assert found is not None
    assert found.message == "x has dtype float16; npu takes float32"
    scalar = {**inputs, "b": constant(np.float32(1))}
    found = row.test(Facts("conv2d_bias_relu", scalar, (image,)))
    assert found is not None
    assert found.message == "b has rank 0; npu takes 1"


def test_a_default_of_fused_is_for_ops(tmp_path: Path) -> None:
    table = bound(
        tmp_path, "defaults: {use: fused}\nops: {nn.relu: {}}\npatterns: {p: {match: nn.relu(x)}}"
    )
    assert table.ops["nn.relu"][0].use == "fused"
    assert table.patterns[0].use == "alone"


DTYPES = st.sampled_from(["float32", "int8", "bool", "float8_e4m3fn", "weird", ""])
DIMS: st.SearchStrategy[Dim] = st.one_of(
    st.integers(0, 2**40), st.sampled_from(["n", "n + 1", ""]), st.none()
)
SHAPES = st.one_of(st.none(), st.lists(DIMS, max_size=6).map(tuple))
DATA: st.SearchStrategy[Callable[[], np.ndarray] | None] = st.sampled_from(  # type: ignore[type-arg]
    [None, lambda: np.ones((2, 3), "float32"), lambda: np.array(7), lambda: np.array(["a"])]
)
TENSORS = st.builds(
    Tensor,
    DTYPES,
    SHAPES,
    st.sampled_from([None, "NCHW", "OIHW"]),
    st.sampled_from([None, Quant(0.5, 0), Quant((0.5, 1.0), (0, 0), 0)]),
    DATA,
)
INPUTS: st.SearchStrategy[Input] = st.one_of(
    st.none(), TENSORS, st.lists(TENSORS, max_size=3).map(tuple)
)
ATTRIBUTES: st.SearchStrategy[Attribute] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=5,
)
NAMES = st.sampled_from(["data", "weight", "x", "c", "b", "w"])
ATTRS = st.sampled_from(["groups", "strides", "padding", "other"])
FACTS = st.builds(
    Facts,
    st.just("nn.conv2d"),
    st.dictionaries(NAMES, INPUTS),
    st.lists(TENSORS, max_size=2).map(tuple),
    st.dictionaries(ATTRS, ATTRIBUTES),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS, fused=st.booleans())
def test_any_facts_give_a_refusal_or_none(table: BoundTable, facts: Facts, fused: bool) -> None:
    for row in (*table.rows, *table.patterns):
        found = row.test(facts, fused=fused)
        if found is not None:
            assert found.code in CODES
            assert found.message
            assert found.rule.startswith("support.yaml:")
            assert found == row.test(facts, fused=fused)
