from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tvm
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st
from tvm import IRModule, ir, relax, tirx

from byoc.partition.graph import Graph, read_module
from byoc.partition.merge import Merge
from byoc.partition.outline import Outline, Outlined
from byoc.partition.plan import Candidate, Decision
from byoc.partition.verify import Verify
from tests.partition.build import module
from tests.partition.graphs import candidate, partition, random_module, single


def outline(before: IRModule, graph: Graph, *found: Candidate) -> Outlined:
    plan = Merge()(graph, Decision(found), lambda node: 1)
    outlined = Outline()(before, [(graph, plan)])
    relax.analysis.well_formed(outlined.module)
    Verify()(before, outlined.module)
    return outlined


def bindings(function: Any) -> list[Any]:
    return [binding for block in function.body.blocks for binding in block.bindings]


def test_a_segment_has_the_form_that_mergecompositefunctions_leaves() -> None:
    before = module([("relu", [0]), ("add", [1, 2.0]), ("exp", [2]), ("tanh", [3])])
    (graph,) = read_module(before)
    relu, add, exp, _ = graph.counted()
    pair = candidate(graph, "npu", (relu, add), "npu.relu_add")
    outlined = outline(before, graph, pair, candidate(graph, "npu", (exp,)))
    function = outlined.module["npu_0"]
    assert function.attrs["Codegen"] == "npu"
    assert function.attrs["global_symbol"] == "npu_0"
    assert function.is_pure
    local, call, single_op = bindings(function)
    assert isinstance(local.value, relax.Function)
    assert dict(local.value.attrs.items()) == {"Composite": "npu.relu_add"}
    assert [each.value.op.name for each in bindings(local.value)] == ["relax.nn.relu", "relax.add"]
    assert isinstance(bindings(local.value)[1].value.args[1], ir.GenericConst)
    assert call.value.op.same_as(local.var)
    assert single_op.value.op.name == "relax.exp"
    (segment,) = outlined.segments
    assert (segment.name, segment.vendor, segment.graph, segment.region) == ("npu_0", "npu", 0, 0)
    assert [var.name for var in segment.inputs] == ["x0"]
    assert [var.name for var in segment.outputs] == ["v3"]


def test_the_host_keeps_its_variables_and_spans() -> None:
    before = module([("tanh", [0]), ("relu", [1]), ("sigmoid", [2])])
    (graph,) = read_module(before)
    outlined = outline(before, graph, *single(graph, {"nn.relu": "a"}))
    old, new = bindings(before["main"]), bindings(outlined.module["main"])
    assert [each.var.name for each in new] == [each.var.name for each in old]
    assert all(one.var.same_as(other.var) for one, other in zip(old, new, strict=True))
    assert new[0].same_as(old[0])
    assert new[2].same_as(old[2])
    assert isinstance(new[1].value.op, ir.GlobalVar)


def test_several_outputs_are_returned_as_a_tuple() -> None:
    before = module([("relu", [0]), ("relu", [1]), ("tanh", [1]), ("tanh", [2])], outputs=[3, 4])
    (graph,) = read_module(before)
    outlined = outline(before, graph, *single(graph, {"nn.relu": "a"}))
    assert isinstance(outlined.module["a_0"].ret_ty, relax.TupleType)
    assert [var.name for var in outlined.segments[0].outputs] == ["v1", "v2"]


def test_a_result_that_nobody_reads_stays_inside_a_composite() -> None:
    before = module([("relu", [0]), ("tanh", [1]), ("exp", [1])], outputs=[3])
    (graph,) = read_module(before)
    relu, tanh, _ = graph.counted()
    found = Candidate("a", "a.both", (relu, tanh), (0,), (relu,))
    outlined = outline(before, graph, found)
    assert [var.name for var in outlined.segments[0].outputs] == ["v1"]


def test_items_of_a_segment_s_tuple_are_its_outputs() -> None:
    before = module(
        [
            ("split", [0], {"indices_or_sections": 2, "axis": 1}),
            ("item", [1], {"index": 0}),
            ("item", [1], {"index": 1}),
            ("tanh", [2]),
            ("tanh", [3]),
        ],
        outputs=[4, 5],
    )
    (graph,) = read_module(before)
    outlined = outline(before, graph, *single(graph, {"split": "a"}))
    types = outlined.module["a_0"].ret_ty.fields
    assert all(isinstance(each, relax.TensorType) for each in types)
    assert [var.name for var in outlined.segments[0].outputs] == ["v2", "v3"]


def test_a_tuple_that_only_a_segment_reads_is_made_inside() -> None:
    before = module([("tanh", [0]), ("tuple", [1, 0]), ("concat", [2], {"axis": 1})])
    (graph,) = read_module(before)
    outlined = outline(before, graph, *single(graph, {"concat": "a"}))
    assert all(isinstance(each.ty, relax.TensorType) for each in outlined.module["a_0"].params)
    assert not any(isinstance(each.value, ir.Tuple) for each in bindings(outlined.module["main"]))


def test_a_dimension_that_no_input_tells_is_an_argument() -> None:
    builder, rows = relax.BlockBuilder(), tirx.Var("n", "int64")
    sized = relax.Var("sized", relax.TensorType([rows], "float32"))
    flat = relax.Var("flat", relax.TensorType([rows * 4], "float32"))
    with builder.function("main", [sized, flat]):
        with builder.dataflow():
            shaped = builder.emit(relax.op.reshape(flat, (rows, 4)))
            result = builder.emit_output(relax.op.exp(shaped))
        builder.emit_func_output(result)
    before = builder.finalize()
    (graph,) = read_module(before)
    outlined = outline(before, graph, *single(graph, {"reshape": "a", "exp": "a"}))
    _, shape_param = outlined.module["a_0"].params
    assert isinstance(shape_param.ty, relax.ShapeType)
    assert not shape_param.ty.values[0].same_as(rows)
    assert [var.name for var in outlined.segments[0].inputs] == ["flat"]
    outline(before, graph, candidate(graph, "a", tuple(graph.counted()), "a.both"))


def test_a_call_that_a_match_cast_reads_without_a_name_waits_for_what_it_reads() -> None:
    data = relax.Var("data", relax.TensorType([4], "float32"))
    ty = relax.TensorType([2, 2], "float32")
    half, cast = relax.DataflowVar("half", data.ty), relax.DataflowVar("cast", ty)
    last, result = relax.DataflowVar("last", ty), relax.Var("result", ty)
    block = relax.DataflowBlock(
        [
            relax.VarBinding(half, relax.op.nn.relu(data)),
            relax.MatchCast(cast, relax.op.reshape(half, [2, 2]), ty),
            relax.VarBinding(last, relax.op.exp(cast)),
            relax.VarBinding(result, relax.op.add(last, last)),
        ]
    )
    function = relax.Function([data], relax.SeqExpr([block], result), ty)
    before = IRModule({"main": relax.BlockBuilder().normalize(function)})
    (graph,) = read_module(before)
    relu, reshape, exp, add = graph.counted()
    assert graph.operands[reshape][0] == relu
    outline(
        before,
        graph,
        candidate(graph, "a", (relu,), "a.relu"),
        candidate(graph, "a", (exp, add), "a.rest"),
    )


def test_a_dimension_found_inside_is_found_again_by_the_caller() -> None:
    builder, length = relax.BlockBuilder(), tirx.Var("k", "int64")
    data = relax.Var("data", relax.TensorType([4], "float32"))
    loose = relax.TensorType(dtype="float32", ndim=1)
    with builder.function("main", [data]):
        with builder.dataflow():
            opaque = builder.emit(relax.op.call_pure_packed("nonzero", data, ty_args=loose))
            cast = builder.match_cast(opaque, relax.TensorType([length], "float32"))
            result = builder.emit_output(relax.op.add(cast, cast))
        builder.emit_func_output(result)
    before = builder.finalize()
    (graph,) = read_module(before)
    opaque_node, add = graph.counted()
    outlined = outline(before, graph, candidate(graph, "a", (opaque_node, opaque_node + 1), "a.nz"))
    assert [type(each).__name__ for each in bindings(outlined.module["main"])][:2] == [
        "VarBinding",
        "MatchCast",
    ]
    assert list(graph.counted()) == [opaque_node, add]


def test_branches_and_bindings_outside_dataflow_are_outlined() -> None:
    counts = {"if": 0, "plain": 0}
    for seed in range(40):
        made = partition(random_module(seed), ("a", "b"), seed)
        for graph, plan in made.blocks:
            if plan.regions:
                counts["if"] += "then" in graph.block or "else" in graph.block
                counts["plain"] += not graph.dataflow
    assert min(counts.values()) > 3


def test_segment_names_avoid_functions_that_are_there() -> None:
    before = module([("relu", [0]), ("tanh", [1])], function="a_0")
    (graph,) = read_module(before)
    outlined = outline(before, graph, *single(graph, {"nn.relu": "a"}))
    assert [each.name for each in outlined.segments] == ["a_1"]


def test_a_block_without_regions_leaves_the_function_alone() -> None:
    before = module([("relu", [0])])
    (graph,) = read_module(before)
    outlined = outline(before, graph)
    assert outlined.module["main"].same_as(before["main"])
    assert outlined.segments == ()


@pytest.fixture
def taken() -> Iterator[list[Any]]:
    """What RunCodegen hands to the codegen of vendor `outline_test`."""
    seen: list[Any] = []

    def codegen(functions: Any, options: Any, constants: Any) -> list[Any]:
        seen.append((list(functions), list(constants.items())))
        return []

    tvm.register_global_func("relax.ext.outline_test", codegen, override=True)
    yield seen
    tvm_ffi.registry.remove_global_func("relax.ext.outline_test")


def test_runcodegen_takes_the_segments(taken: list[Any]) -> None:
    shift = np.full((4, 4), 3, "float32")
    before = module(
        [("relu", [0]), ("add", [1, shift]), ("tanh", [2]), ("exp", [3]), ("relu", [4])],
        outputs=[2, 5],
    )
    (graph,) = read_module(before)
    relu, add, _, exp, last = graph.counted()
    outlined = outline(
        before,
        graph,
        candidate(graph, "outline_test", (relu, add), "outline_test.pair"),
        candidate(graph, "outline_test", (exp,)),
        candidate(graph, "outline_test", (last,)),
    )
    after = relax.transform.RunCodegen()(outlined.module)
    ((functions, constants),) = taken
    assert [each.attrs["global_symbol"] for each in functions] == [
        "outline_test_0",
        "outline_test_1",
    ]
    assert len(constants) == 1
    calls = [each.value for each in bindings(after["main"]) if isinstance(each.value, ir.Call)]
    packed = [each for each in calls if each.op.name == "relax.call_dps_packed"]
    assert [each.args[0].global_symbol for each in packed] == ["outline_test_0", "outline_test_1"]


def check(seed: int, merge: Merge) -> None:
    before = random_module(seed)
    made = partition(before, ("a", "b", "c"), seed, merge)
    relax.analysis.well_formed(made.outlined.module)
    again = partition(before, ("a", "b", "c"), seed, merge)
    assert made.outlined.module.script() == again.outlined.module.script()
    regions = sum(len(plan.regions) for _, plan in made.blocks)
    assert len(made.outlined.segments) == regions


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**6), st.sampled_from([Merge(), Merge("connected"), Merge(min_ops=2)]))
def test_random_modules_come_back_equal_and_the_same_every_time(seed: int, merge: Merge) -> None:
    check(seed, merge)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_random_modules(part: int) -> None:
    for seed in range(part * 1000, part * 1000 + 1000):
        merge = Merge("connected") if seed % 3 == 0 else Merge(min_ops=seed % 2)
        partition(random_module(seed), ("a", "b", "c")[: 1 + seed % 3], seed, merge)
