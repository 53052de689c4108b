from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import ml_dtypes
import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tvm import relax

from byoc.errors import PatternError
from byoc.partition._extent import read_outside
from byoc.partition.graph import Graph, attach_groups, read_module
from byoc.partition.match import Match
from byoc.partition.patterns.ast import Op, Row, Wildcard
from byoc.partition.patterns.text import parse
from byoc.partition.plan import Candidate, Decision
from byoc.partition.trace import Trace
from byoc.partition.vendor import Vendor
from byoc.support.facts import Facts, Quant, Tensor
from byoc.support.refusal import Refusal
from tests.partition.build import const, module, script, weight

INPUTS: dict[str, Any] = {
    "x": (4, 4),
    "y": (4, 4),
    "z": (4, 4),
    "i": (1, 4, 8, 8),
    "q": ((4, 4), "int8"),
    "w": weight(4, 4, 3, 3),
    "b": weight(1, 4, 1, 1),
    "S": const(0.5),
    "Z": const(3, "int8"),
}
DOC = Path(__file__).parents[2] / "docs" / "matching.md"


def examples() -> list[Any]:
    """The lines of the table of examples in docs/matching.md."""
    section = DOC.read_text(encoding="utf-8").partition("## Examples")[2]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    cells = [re.split(r"(?<!\\)\|", line.strip("| "))[:4] for line in lines]
    return [pytest.param(*[each.strip() for each in row[1:]], id=row[0].strip()) for row in cells]


def rows(cell: str) -> tuple[Row, ...]:
    """`p 5: text` is a row of priority 5, `p qdq: text` one with a quantised form."""
    found = []
    for each in cell.replace("\\|", "|").split("<br>"):
        head, _, text = each.strip("` ").partition(":")
        name, _, option = head.partition(" ")
        priority = int(option) if option.isdigit() else 0
        pattern = parse("\n".join(line.strip() for line in text.split(";")))
        found.append(Row("npu", f"npu.{name}", pattern, priority, qdq=option == "qdq"))
    return tuple(found)


def graph_of(text: str, **inputs: Any) -> Graph:
    return read_module(script(text, **(inputs or INPUTS)))[0]


def calls(graph: Graph, candidate: Candidate) -> list[str]:
    return [graph.names[node] for node in candidate.nodes if graph.names[node]]


def match(graph: Graph, *table: Row, **vendor: Any) -> Decision:
    return Match(Vendor("npu", rows=table, **vendor))(graph)


def row(name: str, text: str, **keywords: Any) -> Row:
    return Row("npu", f"npu.{name}", parse(text), **keywords)


@pytest.mark.parametrize(("text", "table", "outcome"), examples())
def test_documented_example(text: str, table: str, outcome: str) -> None:
    graph = graph_of(text.strip("`").replace("\\|", "|"))
    decision = match(graph, *rows(table))
    found = [
        f"{each.name.removeprefix('npu.')}({' '.join(calls(graph, each))})"
        for each in decision.candidates
    ]
    stated = [
        f"{each.code}: {each.message}" for all_ in decision.refusals.values() for each in all_
    ]
    wanted = re.findall(r"`([^`]*)`", outcome)
    assert found == [each for each in wanted if "npu." not in each]
    assert stated == [each for each in wanted if "npu." in each]


GRAPHS = {
    "conv_bias_relu": "c = nn.conv2d(i, w); a = add(c, b); r = nn.relu(a) -> r",
    "cublas_matmul_T": "t = permute_dims(y); m = matmul(x, t); a = add(m, z); r = nn.relu(a) -> r",
    "dw_pw": "c = nn.conv2d(i, w); d = nn.conv2d(c, w) -> d",
    "attention": "t = permute_dims(y); m = matmul(x, t); s = multiply(m, 0.5); k = add(s, z); "
    "p = nn.softmax(k); o = matmul(p, z) -> o",
    "cutlass_residual": "c = nn.conv2d(i, w); a = add(c, b); m = multiply(a, b); r = nn.relu(m) -> r",
    "act_args": "c = nn.conv2d(i, w); a = add(c, b); r = clip(a, 0, 6) -> r",
    "hswish_fused": "c = nn.conv2d(i, w); a = add(c, b); t = add(3.0, a); k = clip(t, 0, 6); "
    "d = divide(k, 6.0); m = multiply(d, a) -> m",
    "layernorm": "u = mean(x, axis=[-1], keepdims=True); d = subtract(x, u); p = power(d, 2.0); "
    "v = mean(p, axis=[-1], keepdims=True); e = add(v, 0.00001); s = sqrt(e); n = divide(d, s); "
    "m = multiply(n, G); o = add(m, B) -> o",
    "gelu_erf": "d = divide(x, 1.4142135); e = erf(d); a = add(e, 1.0); h = multiply(x, 0.5); "
    "m = multiply(h, a) -> m",
    "gelu_tanh": "h = multiply(x, 0.5); p = power(x, 3.0); k = multiply(p, 0.044715); a = add(x, k); "
    "s = multiply(0.79788456, a); t = tanh(s); o = add(1.0, t); m = multiply(h, o) -> m",
    "lstm_cell": "g1 = matmul(x, W); g2 = matmul(y, W); g3 = add(g1, g2); g4 = add(g3, V); "
    "g = split(g4, indices_or_sections=4, axis=1); i0 = g[0]; i1 = g[1]; i2 = g[2]; i3 = g[3]; "
    "f = sigmoid(i1); k = multiply(f, z); n = sigmoid(i0); u = tanh(i2); v = multiply(n, u); "
    "c2 = add(k, v); o = sigmoid(i3); t = tanh(c2); h2 = multiply(o, t) -> h2, c2",
    "qdq_conv": 'd = dequantize(j, S, Z, out_dtype="float32"); k = dequantize(K, S, Z, out_dtype="float32"); '
    'l = dequantize(L, S, O, out_dtype="float32"); c = nn.conv2d(d, k); a = add(c, l); r = nn.relu(a); '
    'o = quantize(r, S, Z, out_dtype="int8") -> o',
    "split2": "s = split(x, indices_or_sections=2); u = s[0]; v = s[1]; g = sigmoid(v); "
    "m = multiply(g, u) -> m",
    "concat": "c = concat((x, y, z)) -> c",
    "trt_slice": "s = strided_slice(x, axes=[0], begin=[0], end=[2]) -> s",
    "stacked_attn": "s = split(p, indices_or_sections=3, axis=2); u = s[0]; v = s[1]; k = s[2]; "
    "a = reshape(u, (1, 4, 2, 2)); c = reshape(v, (1, 4, 2, 2)); d = reshape(k, (1, 4, 2, 2)); "
    "o = nn.attention(a, c, d) -> o",
    "cublas_dq": "t = permute_dims(n); m = matmul(q, t, out_dtype='int32'); "
    "d = dequantize(m, S, O, out_dtype='float32') -> d",
    "cublas_mul": "t = permute_dims(y); m = matmul(x, t); k = multiply(y, z); s = multiply(m, k); "
    "o = astype(s, dtype='float16') -> o",
    "resize": "r = image.resize2d(i, (16, 16)) -> r",
    "residual_same": "c = nn.conv2d(i, w, padding=1); r = nn.relu(c); d = nn.conv2d(r, w, padding=1); "
    "a = add(i, d) -> a",
    "multi_out": "r = nn.relu(i); m = nn.max_pool2d(r) -> r, m",
}
MORE: dict[str, Any] = {
    **INPUTS,
    "j": ((1, 4, 8, 8), "int8"),
    "n": ((4, 4), "int8"),
    "p": (1, 4, 12),
    "K": const(np.ones((4, 4, 3, 3)), "int8"),
    "L": const(np.ones((1, 4, 1, 1)), "int32"),
    "O": const(0, "int32"),
    "G": weight(4),
    "B": weight(4),
    "W": weight(4, 16),
    "V": weight(16),
}


def patterns() -> dict[str, str]:
    from ruamel.yaml import YAML

    path = Path(__file__).parents[1] / "data" / "patterns.yaml"
    found: dict[str, str] = YAML(typ="safe").load(path)
    return found


@pytest.mark.parametrize("name", [name for name in patterns() if name != "onnx_lstm"])
def test_pattern_takes_the_whole_graph_built_for_it(name: str) -> None:
    graph = graph_of(GRAPHS[name], **MORE)
    (found,) = match(graph, row(name, patterns()[name])).candidates
    assert set(graph.counted()) <= set(found.nodes)
    assert len(found.outputs) == (2 if name in ("lstm_cell", "multi_out") else 1)


BIASED = (
    'd = dequantize(j, S, Z, out_dtype="float32"); k = dequantize(K, S, Z, out_dtype="float32"); '
    "c = nn.conv2d(d, {weight}); a = {bias}; r = nn.relu(a); "
    'o = quantize(r, S, Z, out_dtype="int8") -> o'
)


@pytest.mark.parametrize(
    ("weight", "bias", "pattern", "names"),
    [
        ("k", "add(c, b)", "nn.relu(add(nn.conv2d(x, w:const), b:const))", ["npu.p.qdq"]),
        ("k", "add(b, c)", "nn.relu(add(b:const, nn.conv2d(x, w:const)))", ["npu.p.qdq"]),
        ("k", "multiply(c, b)", "nn.relu(multiply(nn.conv2d(x, w:const), b:const))", ["npu.p.qdq"]),
        # A weight has to be quantised, and so has whatever is not asked to be constant or not arithmetic's.
        ("w", "add(c, b)", "nn.relu(add(nn.conv2d(x, w:const), b:const))", ["npu.p"]),
        ("k", "add(c, b)", "nn.relu(add(nn.conv2d(x, w:const), b))", []),
        ("k", "maximum(c, b)", "nn.relu(maximum(nn.conv2d(x, w:const), b:const))", []),
    ],
)
def test_a_quantised_form_takes_a_bias_of_floats(
    weight: str, bias: str, pattern: str, names: list[str]
) -> None:
    graph = graph_of(BIASED.format(weight=weight, bias=bias), **MORE)
    found = match(graph, row("p", pattern, qdq=True)).candidates
    assert [each.name for each in found] == names


@dataclass(frozen=True)
class Source:
    """A group as a frontend states it."""

    op: str
    bindings: tuple[str, ...]
    inputs: dict[str, Any]
    outputs: tuple[str, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    node: str = "node"
    host: str = ""
    opset: int = 0


def grouped(text: str, *groups: Source) -> Graph:
    graph = graph_of(text, **MORE)
    attach_groups(graph, {"main": groups})
    return graph


def lstm(outputs: tuple[str, ...] = ("c", "e", ""), **attrs: Any) -> Source:
    inputs = {
        "X": "x",
        "W": weight(1, 2, 3),
        "R": weight(1, 2, 2),
        "B": None,
        "sequence_lens": None,
    }
    return Source("onnx.LSTM", ("a", "c", "e"), inputs, outputs, {"direction": "forward", **attrs})


LSTM = "a = add(x, y); c = nn.relu(a); e = exp(a); s = sigmoid(c); t = tanh(e) -> s, t"


def test_group_matches_by_onnx_inputs_and_attributes() -> None:
    pattern = row("lstm", patterns()["onnx_lstm"])
    (found,) = match(grouped(LSTM, lstm()), pattern).candidates
    graph = grouped(LSTM, lstm())
    assert calls(graph, found) == ["a", "c", "e"]
    assert [graph.names[node] for node in found.outputs] == ["c", "e"]
    assert not match(grouped(LSTM, lstm(direction="reverse")), pattern).candidates
    assert not match(grouped(LSTM, lstm()), row("p", "onnx.LSTM(x:const, w, r)")).candidates
    assert match(grouped(LSTM, lstm()), row("p", "onnx.LSTM(x, w:const, r)")).candidates


def test_group_inside_a_pattern_gives_its_first_output_or_the_one_asked_for() -> None:
    text = "a = add(x, y); c = nn.relu(a); e = exp(a); s = sigmoid(c) -> s"
    whole = grouped(text, lstm(("c", "", "")))
    (found,) = match(whole, row("p", "sigmoid(onnx.LSTM(x, w, r))")).candidates
    assert calls(whole, found) == ["a", "c", "e", "s"]
    other = grouped(LSTM, lstm())
    two = row("p", "l = onnx.LSTM(x, w, r); sigmoid(l[0]), tanh(l[1])".replace("; ", "\n"))
    (found,) = match(other, two).candidates
    assert calls(other, found) == ["a", "c", "e", "s", "t"]
    assert not match(other, row("p", "tanh(onnx.LSTM(x, w, r))")).candidates


def test_group_and_a_part_of_it_are_never_both_taken() -> None:
    graph = grouped(LSTM, lstm())
    decision = match(graph, row("part", "exp(x)", priority=1), row("lstm", "onnx.LSTM(x, w, r)"))
    assert [each.name for each in decision.candidates] == ["npu.part"]


@dataclass(frozen=True)
class Rule:
    """An op row that refuses the ops of which `holds` is false."""

    holds: Callable[[Facts], bool]
    use: str = "alone"
    qdq: bool = False
    rule: str = "t.yaml:1"
    code: str = "attribute"

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        return None if self.holds(facts) else Refusal(self.code, f"{facts.op} is not taken")


def test_a_rule_of_the_table_refuses_an_op_inside_a_pattern() -> None:
    graph = graph_of("c = nn.conv2d(i, w, strides=2); a = add(c, b); r = nn.relu(a) -> r")
    rules = {"nn.conv2d": (Rule(lambda facts: facts.attrs["strides"] == (1, 1)),)}
    table = (row("p", "nn.relu(add(nn.conv2d(x, w), b))"), row("q", "nn.relu(add(x, b))"))
    decision = match(graph, *table, ops=rules)
    assert [each.name for each in decision.candidates] == ["npu.q"]
    ((refusal,),) = decision.refusals.values()
    assert refusal.code == "attribute"
    assert refusal.message == "npu.p: nn.conv2d (c): nn.conv2d is not taken"
    assert refusal.vendor == "npu"


def test_a_rule_of_the_row_sees_wildcards_and_names_and_refuses_one_alternative() -> None:
    seen: list[Facts] = []

    def rule(facts: Facts) -> Refusal | None:
        seen.append(facts)
        return Refusal("when", "too long") if facts.inputs["b"] is not None else None

    graph = graph_of("c = nn.conv2d(i, w); a = add(c, b) -> a")
    pattern = row("p", "k = nn.conv2d(x, w:const)\nadd?(k, b:const)", test=rule)
    decision = match(graph, pattern)
    assert [calls(graph, each) for each in decision.candidates] == [["c"]]
    assert [facts.inputs.keys() for facts in seen] == [{"x", "w", "k", "b"}] * 2
    first = seen[0]
    assert first.inner == {"k"}
    assert first.inputs["x"].shape == (1, 4, 8, 8)  # type: ignore[union-attr]
    assert first.inputs["b"].constant  # type: ignore[union-attr]
    assert first.attrs["strides"] == (1, 1)
    assert [each.shape for each in first.outputs] == [(1, 4, 6, 6)]


def test_quantised_facts_are_those_of_the_stored_tensors() -> None:
    seen: list[Facts] = []

    def rule(facts: Facts) -> None:
        seen.append(facts)

    graph = graph_of(GRAPHS["qdq_conv"], **MORE)
    text = "nn.relu?(add?(nn.conv2d(x, w:const), b:const))"
    (found,) = match(graph, row("p", text, qdq=True, test=rule)).candidates
    assert (found.name, len(found.outputs)) == ("npu.p.qdq", 1)
    inputs = {name: each for name, each in seen[0].inputs.items() if isinstance(each, Tensor)}
    assert {name: each.dtype for name, each in inputs.items()} == {
        "x": "int8",
        "w": "int8",
        "b": "int32",
    }
    assert inputs["x"].quant == Quant(0.5, 3)
    assert inputs["w"].constant and not inputs["x"].constant
    assert [(each.dtype, each.quant) for each in seen[0].outputs] == [("int8", Quant(0.5, 3))]


class Asked:
    """A vendor's checks: what they refuse, and every batch they were asked."""

    def __init__(self, *refused: tuple[str, ...]) -> None:
        self.refused, self.batches = refused, list[list[tuple[str, ...]]]()

    def check(self, graph: Graph, candidates: Sequence[Candidate]) -> list[Refusal | None]:
        names = [tuple(calls(graph, each)) for each in candidates]
        self.batches.append(names)
        return [Refusal("check", "no") if each in self.refused else None for each in names]

    def check_row(
        self, row: Row, graph: Graph, candidates: Sequence[Candidate]
    ) -> list[Refusal | None]:
        return self.check(graph, candidates)


CHAIN = "; ".join(
    f"a{k} = add({'x' if k == 0 else f'r{k - 1}'}, y); r{k} = nn.relu(a{k})" for k in range(8)
)


def test_all_matches_are_asked_in_one_batch() -> None:
    asked = Asked()
    decision = match(graph_of(CHAIN + " -> r7"), row("p", "nn.relu(add(x, y))"), check=asked.check)
    assert len(decision.candidates) == 8
    assert [len(batch) for batch in asked.batches] == [8]


def test_a_match_that_the_check_refuses_gives_way() -> None:
    asked = Asked(("a3", "r3"), ("a5", "r5"))
    graph = graph_of(CHAIN + " -> r7")
    table = (row("p", "nn.relu(add(x, y))"), row("q", "nn.relu(x)"))
    decision = match(graph, *table, check=asked.check)
    names = [(each.name, calls(graph, each)[-1]) for each in decision.candidates]
    assert ("npu.q", "r3") in names and ("npu.q", "r5") in names and len(names) == 8
    assert len(asked.batches) <= 3
    ((refusal,), _) = decision.refusals.values()
    assert (refusal.code, refusal.message, refusal.vendor) == ("check", "no", "npu")


def test_a_row_with_a_check_is_asked_before_the_vendor() -> None:
    first, then = Asked(("a0", "r0")), Asked()
    checked = row("p", "nn.relu(add(x, y))", check=lambda region: True)
    decision = match(
        graph_of(CHAIN + " -> r7"), checked, check_row=first.check_row, check=then.check
    )
    assert len(decision.candidates) == 7
    assert len(first.batches[0]) == 8 and len(then.batches[0]) == 7


def test_a_row_with_a_check_needs_somebody_to_ask() -> None:
    with pytest.raises(PatternError, match=r"npu\.p.*has a check.*check_row"):
        match(graph_of("r = nn.relu(x) -> r"), row("p", "nn.relu(x)", check=lambda region: True))


def test_a_pattern_that_any_value_matches_is_an_error() -> None:
    with pytest.raises(PatternError, match="no op computes"):
        match(graph_of("r = nn.relu(x) -> r"), Row("npu", "npu.any", (Wildcard("x"),)))


def test_outputs_that_share_nothing_are_an_error() -> None:
    outputs = (Op(("exp",), (Wildcard("x"),)), Op(("exp",), (Wildcard("y"),)))
    with pytest.raises(PatternError, match="nothing in common"):
        match(graph_of("r = nn.relu(x) -> r"), Row("npu", "npu.two", outputs))


def test_impure_calls_never_match() -> None:
    x = relax.Var("x", relax.TensorType((4,), "float32"))
    builder = relax.BlockBuilder()
    with builder.function("main", [x]):
        call = relax.Call(relax.ExternFunc("f"), [x], ty_args=[relax.TensorType((4,), "float32")])
        builder.emit_func_output(builder.emit(call))
    (graph,) = read_module(builder.finalize())
    assert not match(
        graph, row("p", "nn.relu(x)"), Row("npu", "npu.c", (Op(("call_packed",)),))
    ).candidates


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_number_matches_a_constant_of_a_coarse_dtype(dtype: str) -> None:
    half = np.dtype(dtype) if dtype == "float16" else np.dtype(ml_dtypes.bfloat16)
    inputs = {"x": ((4, 4), dtype), "k": np.asarray(0.044715, half)}
    graph = graph_of("m = multiply(x, k) -> m", **inputs)
    assert match(graph, row("p", "multiply(x, 0.044715)")).candidates
    assert not match(graph, row("p", "multiply(x, 0.05)")).candidates


def test_trace_tells_what_was_tried() -> None:
    graph = graph_of("a = add(x, y); r = nn.relu(a); e = exp(x); f = nn.relu(e) -> r, f")
    trace = Trace()
    table = (row("p", "nn.relu(add(x, exp(y)))"), row("q", "nn.relu(add(x, y))"))
    Match(Vendor("npu", rows=table))(graph, trace)
    told = [event.words for event in trace.events[graph.names.index("r")]]
    assert "npu.p starts like this, but does not match here" in told
    assert "part of npu.q: add (a), nn.relu (r)" in told


def test_trace_tells_every_op_of_a_refused_match() -> None:
    graph = graph_of("a = add(x, y); r = nn.relu(a); e = exp(a); s = add(r, e) -> s")
    trace = Trace()
    Match(Vendor("npu", rows=(row("p", "nn.relu(add(x, y))"),)))(graph, trace)
    told = [event.words for event in trace.events[graph.names.index("a")]]
    assert told == [
        "npu.p would have taken it, ending with nn.relu (r); refused: npu.p: the result of add (a) is "
        "also used by exp (e)"
    ]


@dataclass(frozen=True)
class Refuses:
    code: str
    use: str = "alone"
    qdq: bool = False
    rule: str = "support.yaml:3"

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        return Refusal(self.code, f"its {self.code}")


def test_of_several_rows_that_refuse_an_op_inside_the_closest_speaks() -> None:
    graph = graph_of("a = add(x, y); r = nn.relu(a) -> r")
    ops = {"add": (Refuses("when"), Refuses("shape"))}
    decision = match(graph, row("p", "nn.relu(add(x, y))"), ops=ops)
    ((refusal,),) = decision.refusals.values()
    assert refusal.message == "npu.p: add (a): its when"


def test_two_composites_that_would_wait_for_each_other() -> None:
    # (a, c) needs b through c, (b, d) needs a through d: each alone is sound, both together are a cycle.
    text = "a = exp(x); b = sigmoid(x); c = add(x, b); d = multiply(x, a) -> c, d"
    crossed = (row("p", "exp(x), add(x, y)"), row("q", "sigmoid(x), multiply(x, y)"))
    decision = match(graph_of(text, x=(4, 4)), *crossed)
    assert [each.name for each in decision.candidates] == ["npu.p"]
    stated = [refusal.code for each in decision.refusals.values() for refusal in each]
    assert stated == ["would-cycle"]


OPS = ("nn.relu", "exp", "add", "multiply", "split")
ROWS = (
    row("three", "nn.relu(add(exp(x), y))"),
    row("relu_add", "nn.relu?(add(x, y))"),
    row("pair", "e = exp(x)\ne, nn.relu(e)"),
    row("twins", "exp(x), multiply(x, y)"),
    row("halves", "s = split(x)\nmultiply(s[0], s[1])"),
    row("chain", "exp(exp(x))", priority=2),
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes: list[tuple[Any, ...]] = []
    tensors = [0, 1]
    for _ in range(draw(st.integers(1, 25))):
        op = draw(st.sampled_from(OPS))
        one = draw(st.sampled_from(tensors[-6:]))
        if op == "split":
            at = len(nodes) + 2
            nodes += [("split", [one], {"indices_or_sections": 2, "axis": 0})]
            nodes += [("item", [at], {"index": 0}), ("item", [at], {"index": 1})]
            nodes += [("concat", [[at + 1, at + 2]], {"axis": 0})]
            nodes += [("multiply", [at + 1, at + 2])] if draw(st.booleans()) else []
            tensors.append(at + 3)
        else:
            args = [one] if op in ("nn.relu", "exp") else [one, draw(st.sampled_from(tensors))]
            tensors.append(len(nodes) + 2)
            nodes.append((op, args))
    outputs = draw(st.lists(st.sampled_from(tensors), min_size=1, max_size=3, unique=True))
    return read_module(module(nodes, outputs, inputs=((4, 4), (4, 4))))[0]


@settings(max_examples=120, deadline=None)
@given(graphs())
def test_composites_are_disjoint_closed_and_acyclic(graph: Graph) -> None:
    decision = match(graph, *ROWS)
    taken = [node for each in decision.candidates for node in each.nodes]
    assert len(taken) == len(set(taken))
    home = {node: place for place, each in enumerate(decision.candidates) for node in each.nodes}
    for each in decision.candidates:
        inside = set(each.nodes)
        outputs = {node for node in inside if read_outside(graph, node, inside)}
        assert outputs <= set(each.outputs) and len(each.outputs) <= 2
    edges = networkx.DiGraph()
    for node, operands in enumerate(graph.operands):
        ends = [("c", home[n]) if n in home else ("n", n) for n in (node, *operands)]
        edges.add_edges_from((end, ends[0]) for end in ends[1:] if end != ends[0])
    assert networkx.is_directed_acyclic_graph(edges)
    assert decision == match(graph, *ROWS)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_answers_in_rounds_are_those_of_asking_one_by_one(graph: Graph, random: Random) -> None:
    refused: dict[tuple[int, ...], bool] = {}

    def check(_: Graph, candidates: Sequence[Candidate]) -> list[Refusal | None]:
        for each in candidates:
            refused.setdefault((*each.nodes, -len(each.name)), random.random() < 0.5)
        return [
            Refusal("check", "no") if refused[(*each.nodes, -len(each.name))] else None
            for each in candidates
        ]

    decision = match(graph, *ROWS, check=check)
    # Every answer is known now: asking again about the same matches changes nothing.
    assert decision == match(graph, *ROWS, check=check)
    assert not any(refused[(*each.nodes, -len(each.name))] for each in decision.candidates)
