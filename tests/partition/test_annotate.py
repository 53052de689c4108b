from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from tvm import relax

from byoc.partition.annotate import Annotate
from byoc.partition.graph import Graph, attach_groups, read_module
from byoc.partition.match import Match
from byoc.partition.patterns.ast import Row
from byoc.partition.patterns.text import parse
from byoc.partition.plan import Candidate, Decision
from byoc.partition.trace import Trace
from byoc.partition.vendor import Vendor
from byoc.support.facts import Facts, Quant, Tensor
from byoc.support.refusal import Refusal
from tests.partition.build import const, script


@dataclass(frozen=True)
class Rule:
    """An op row that refuses with `code` where `holds` is false."""

    holds: Callable[[Facts], bool] = lambda facts: True
    use: str = "alone"
    qdq: bool = False
    rule: str = "t.yaml:1"
    code: str = "attribute"

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        return None if self.holds(facts) else Refusal(self.code, f"{facts.op}: {self.code}")


def never(facts: Facts) -> bool:
    return False


INPUTS: dict[str, Any] = {
    "x": (4, 4),
    "y": (4, 4),
    "q": ((4, 4), "int8"),
    "S": const(0.5),
    "Z": const(3, "int8"),
}
QDQ = (
    'd = dequantize(q, S, Z, out_dtype="float32"); e = dequantize(q, S, Z, out_dtype="float32"); '
    'a = add(d, e); o = quantize(a, S, Z, out_dtype="int8") -> o'
)


def graph_of(text: str) -> Graph:
    return read_module(script(text, **INPUTS))[0]


def annotate(graph: Graph, trace: Trace | None = None, **vendor: Any) -> Decision:
    made = Vendor("npu", **vendor)
    decision = Annotate(made)(graph, Match(made)(graph, trace), trace)
    for node in graph.counted():
        taken = any(node in each.nodes for each in decision.candidates)
        assert taken or decision.refusals[node], graph.names[node]
    for stated in decision.refusals.values():
        assert all(each.vendor == "npu" for each in stated)
    return decision


def found(graph: Graph, decision: Decision) -> list[tuple[str, str]]:
    return [
        (each.name, " ".join(graph.names[node] for node in each.nodes if graph.names[node]))
        for each in decision.candidates
    ]


def said(graph: Graph, decision: Decision, name: str) -> list[tuple[str, str]]:
    refusals = decision.refusals.get(graph.names.index(name), ())
    return [(each.code, each.message) for each in refusals]


def test_single_ops_that_a_row_takes() -> None:
    graph = graph_of("a = add(x, y); r = nn.relu(a); c = concat((r, x)) -> c")
    decision = annotate(graph, ops={"add": (Rule(),), "concat": (Rule(),)})
    assert found(graph, decision) == [("", "a"), ("", "c")]
    concat = decision.candidates[1]
    assert len(concat.nodes) == 2  # the tuple in its arguments travels with it
    assert sorted(graph.names[node] for node in concat.inputs) == ["r", "x"]
    assert decision.candidates[0].row == "t.yaml:1"
    assert said(graph, decision, "r") == [("unsupported-op", "npu has no row for nn.relu")]


def test_words_for_what_has_no_row() -> None:
    graph = graph_of("a = nn.log_softmax(x); e = exp(a); s = sigmoid(e) -> s")
    rows = (Row("npu", "npu.p", parse("exp(exp(x))")),)
    decision = annotate(graph, ops={"nn.softmax": (Rule(),)}, rows=rows)
    assert said(graph, decision, "e") == [
        ("unsupported-op", "npu has no row for exp; it takes one only inside npu.p")
    ]
    (near,) = said(graph, decision, "a")
    assert near[1] == "npu has no row for nn.log_softmax; the nearest it has is nn.softmax"
    assert said(graph, decision, "s") == [("unsupported-op", "npu has no row for sigmoid")]


def test_the_row_that_came_closest_speaks() -> None:
    graph = graph_of("a = add(x, y) -> a")
    rules = (
        Rule(never, code="dtype"),
        Rule(never, code="when", rule="t.yaml:9"),
        Rule(never, code="rank"),
    )
    decision = annotate(graph, ops={"add": rules})
    assert said(graph, decision, "a") == [("when", "add: when")]
    assert decision.refusals[graph.names.index("a")][0].rule == "t.yaml:9"


def test_any_row_takes_and_alone_goes_before_joined() -> None:
    graph = graph_of("a = add(x, y) -> a")
    rules = (Rule(never), Rule(use="joined", rule="t.yaml:2"), Rule(rule="t.yaml:3"))
    (one,) = annotate(graph, ops={"add": rules}).candidates
    assert (one.joined, one.row) == (False, "t.yaml:3")
    (one,) = annotate(graph, ops={"add": rules[:2]}).candidates
    assert (one.joined, one.row) == (True, "t.yaml:2")


def test_fused_rows_only_make_composites() -> None:
    graph = graph_of("a = add(x, y); r = nn.relu(a); b = add(r, y) -> b")
    rows = (Row("npu", "npu.add_relu", parse("nn.relu(add(x, y))")),)
    decision = annotate(graph, ops={"add": (Rule(use="fused"),)}, rows=rows)
    assert found(graph, decision) == [("npu.add_relu", "a r")]
    words = "npu takes add only inside a pattern: npu.add_relu"
    assert said(graph, decision, "b") == [("policy", words)]


def test_the_quantised_form_goes_first() -> None:
    seen: list[Facts] = []

    def integers(facts: Facts) -> bool:
        seen.append(facts)
        return facts.outputs[0].dtype == "int8"

    graph = graph_of(QDQ)
    decision = annotate(graph, ops={"add": (Rule(integers, qdq=True),)})
    assert found(graph, decision) == [("npu.add.qdq", "d e a o")]
    stored = Tensor("int8", (4, 4), quant=Quant(0.5, 3))
    assert seen[0].inputs == {"x1": stored, "x2": stored}
    assert seen[0].outputs == (stored,)


def test_without_a_quantised_row_the_ops_stand_alone() -> None:
    graph = graph_of(QDQ)
    decision = annotate(graph, ops={"add": (Rule(),), "nn.relu": (Rule(qdq=True),)})
    assert found(graph, decision) == [("", "a")]
    ((code, words),) = said(graph, decision, "d")
    assert code == "unsupported-op" and "in a quantised form" in words


def test_a_shared_dequantize_refuses_the_quantised_form() -> None:
    graph = graph_of(QDQ.replace("-> o", "-> o, d"))
    decision = annotate(
        graph, ops={"add": (Rule(lambda f: f.outputs[0].dtype == "int8", qdq=True),)}
    )
    assert not decision.candidates
    assert [code for code, _ in said(graph, decision, "a")] == ["pattern", "attribute"]
    words = "npu.add.qdq: the result of dequantize (d) is also used by tuple (result)"
    assert said(graph, decision, "a")[0][1] == words


def grouped(text: str, bindings: Sequence[str], output: str, *, host: str = "") -> Graph:
    graph = graph_of(text)
    source = SimpleNamespace(
        op="onnx.Fancy",
        node="f",
        bindings=tuple(bindings),
        inputs={"X": "x"},
        outputs=(output,),
        attrs={"mode": "linear"},
        host=host,
        opset=0,
    )
    attach_groups(graph, {"main": (source,)})
    return graph


CHAIN = "a = add(x, y); r = nn.relu(a); e = exp(r) -> e"


def test_a_group_is_claimed_whole_before_its_ops() -> None:
    graph = grouped(CHAIN, ("a", "r"), "r")
    rules = {"onnx.Fancy": (Rule(lambda facts: facts.attrs["mode"] == "linear"),), "add": (Rule(),)}
    assert found(graph, annotate(graph, ops=rules)) == [("npu.onnx.Fancy", "a r")]


def test_an_unclaimed_group_is_what_it_became() -> None:
    graph = grouped(CHAIN, ("a", "r"), "r")
    decision = annotate(graph, ops={"onnx.Fancy": (Rule(never),), "add": (Rule(),)})
    assert found(graph, decision) == [("", "a")]
    assert said(graph, decision, "r") == [
        ("attribute", "onnx.Fancy: attribute"),
        ("unsupported-op", "npu has no row for nn.relu"),
    ]


def test_a_group_with_a_part_taken_is_not_claimed() -> None:
    graph = grouped(CHAIN, ("a", "r"), "r")
    rows = (Row("npu", "npu.p", parse("exp(nn.relu(x))")),)
    decision = annotate(graph, ops={"onnx.Fancy": (Rule(),)}, rows=rows)
    assert found(graph, decision) == [("npu.p", "r e")]


def test_a_group_whose_inside_is_read_is_refused() -> None:
    graph = grouped(CHAIN + ", a", ("a", "r"), "r")
    decision = annotate(graph, ops={"onnx.Fancy": (Rule(),)})
    assert said(graph, decision, "r")[0] == (
        "pattern",
        "onnx.Fancy: add (a) inside it is read outside",
    )


def host_call() -> Graph:
    x = relax.Var("x", relax.TensorType((4,), "float32"))
    builder = relax.BlockBuilder()
    with builder.function("main", [x]):
        with builder.dataflow():
            ty = relax.TensorType((4,), "float32")
            called = builder.emit(relax.op.call_pure_packed("f", x, ty_args=ty), "h")
            result = builder.emit_output(relax.op.nn.relu(called), "r")
        builder.emit_func_output(result)
    (graph,) = read_module(builder.finalize())
    source = SimpleNamespace(
        op="onnx.LSTM",
        node="l",
        bindings=("h",),
        inputs={"X": "x"},
        outputs=("h",),
        attrs={},
        host="f",
        opset=0,
    )
    attach_groups(graph, {"main": (source,)})
    return graph


def test_a_host_call_goes_by_the_name_of_its_onnx_node() -> None:
    graph = host_call()
    decision = annotate(graph)
    assert said(graph, decision, "h") == [("unsupported-op", "npu has no row for onnx.LSTM")]
    taken = annotate(graph, ops={"onnx.LSTM": (Rule(),)})
    assert found(graph, taken) == [("npu.onnx.LSTM", "h")]


@pytest.mark.parametrize("text", [CHAIN, QDQ])
def test_the_vendor_is_asked_once_about_everything(text: str) -> None:
    batches: list[int] = []

    def check(graph: Graph, candidates: Sequence[Candidate]) -> list[Refusal | None]:
        batches.append(len(candidates))
        return [Refusal("check", "no") if each.name == "" else None for each in candidates]

    graph = graph_of(text)
    rules = {op: (Rule(qdq=True),) for op in ("add", "nn.relu", "exp")}
    decision = annotate(graph, ops=rules, check=check)
    assert batches == [3 if text == CHAIN else 1]
    refused = [
        each for stated in decision.refusals.values() for each in stated if each.code == "check"
    ]
    assert len(refused) == (3 if text == CHAIN else 0)


def test_trace_tells_which_row_took_an_op() -> None:
    graph = graph_of(CHAIN)
    trace = Trace()
    annotate(graph, trace, ops={"add": (Rule(use="joined"),)})
    words = {
        graph.names[node]: [each.words for each in told] for node, told in trace.events.items()
    }
    assert words["a"] == ["a row takes add (row t.yaml:1), only together with others"]
    assert words["r"] == ["refused: npu has no row for nn.relu"]
