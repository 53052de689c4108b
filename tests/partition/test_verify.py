from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tvm import IRModule, ir, relax

from byoc.errors import ModelError, VerificationError
from byoc.partition.graph import read_module
from byoc.partition.verify import Verify
from tests.partition.build import module
from tests.partition.graphs import decide, partition, random_module, single
from tests.partition.test_outline import outline

NODES = [
    ("relu", [0]),
    ("softmax", [1], {"axis": 1}),
    ("subtract", [2, 0]),
    ("add", [3, 2.0]),
    ("tanh", [4]),
]

VENDOR = {"nn.relu": "a", "nn.softmax": "a", "subtract": "a", "add": "a"}


def partitioned() -> tuple[IRModule, IRModule]:
    before = module(NODES)
    (graph,) = read_module(before)
    return before, outline(before, graph, *single(graph, VENDOR)).module


def changed(after: IRModule, change: Callable[[str, Any], Any]) -> IRModule:
    """`after` with each call of its segment passed through `change`."""

    @relax.expr_functor.mutator
    class Change(relax.PyExprMutator):  # type: ignore[misc]
        def visit_call_(self, call: Any) -> Any:
            call = super().visit_call_(call)
            name = call.op.name.removeprefix("relax.") if isinstance(call.op, ir.Op) else ""
            return change(name, call)

    functions = dict(after.functions.items())
    for var, function in functions.items():
        if var.name_hint == "a_0":
            functions[var] = Change(after).visit_expr(function)
    return IRModule(functions)


def swap(name: str, call: Any) -> Any:
    return ir.Call(call.op, call.args[::-1], call.attrs) if name == "subtract" else call


def other_attribute(name: str, call: Any) -> Any:
    return relax.op.nn.softmax(call.args[0], axis=0) if name == "nn.softmax" else call


def other_op(name: str, call: Any) -> Any:
    return relax.op.sigmoid(call.args[0]) if name == "nn.relu" else call


def dropped(name: str, call: Any) -> Any:
    return call.args[0] if name == "nn.relu" else call


def doubled(name: str, call: Any) -> Any:
    return relax.op.nn.relu(relax.op.nn.relu(call.args[0])) if name == "nn.relu" else call


def other_constant(name: str, call: Any) -> Any:
    return relax.op.add(call.args[0], relax.const(2.5, "float32")) if name == "add" else call


def test_what_outline_makes_is_accepted() -> None:
    Verify()(*partitioned())


def test_the_change_itself_is_harmless() -> None:
    before, after = partitioned()
    Verify()(before, changed(after, lambda name, call: call))


@pytest.mark.parametrize(
    "change", [swap, other_attribute, other_op, dropped, doubled, other_constant]
)
def test_a_changed_segment_is_found(change: Callable[[str, Any], Any]) -> None:
    before, after = partitioned()
    with pytest.raises(VerificationError, match=r"function 'main'.*defect of byoc"):
        Verify()(before, changed(after, change))


def test_swapped_arguments_of_a_segment_are_found() -> None:
    before = module([("subtract", [0, 1]), ("tanh", [2])], inputs=((4, 4), (4, 4)))
    (graph,) = read_module(before)
    after = outline(before, graph, *single(graph, {"subtract": "a"})).module

    @relax.expr_functor.mutator
    class Swap(relax.PyExprMutator):  # type: ignore[misc]
        def visit_call_(self, call: Any) -> Any:
            swapped = isinstance(call.op, ir.GlobalVar)
            return ir.Call(call.op, call.args[::-1], call.attrs) if swapped else call

    functions = dict(after.functions.items())
    main = after.get_global_var("main")
    functions[main] = Swap(after).visit_expr(functions[main])
    with pytest.raises(VerificationError):
        Verify()(before, IRModule(functions))


def retyped(function: Any, wanted: str, ty: Any) -> Any:
    """`function` with another type at one place: a parameter, or a value inside."""
    (block,) = function.body.blocks
    swap: dict[Any, Any] = {}

    def again(var: Any) -> Any:
        if var.name != wanted:
            return var
        swap[var] = type(var)(var.name, ty)
        return swap[var]

    params = [again(param) for param in function.params]
    bindings = []
    for binding in block.bindings:
        call = binding.value
        args = [swap.get(each, each) for each in call.args]
        call = ir.Call(call.op, args, call.attrs, call.ty_args, ret_ty=call.ty)
        bindings.append(relax.VarBinding(again(binding.var), call))
    result = swap.get(function.body.body, function.body.body)
    body = relax.SeqExpr([relax.DataflowBlock(bindings)], result)
    relax.expr._update_type(body, result.ty)
    return relax.Function(params, body, result.ty, True, function.attrs)


@pytest.mark.parametrize("place", ["parameter", "inside", "result"])
def test_a_changed_type_is_found(place: str) -> None:
    before, after = partitioned()
    functions = dict(after.functions.items())
    (var,) = [each for each in functions if each.name_hint == "a_0"]
    (block,) = functions[var].body.blocks
    names = {
        "parameter": functions[var].params[0].name,
        "inside": block.bindings[0].var.name,
        "result": functions[var].body.body.name,
    }
    same = retyped(functions[var], names[place], functions[var].params[0].ty)
    other = retyped(functions[var], names[place], relax.TensorType([7, 7], "float16"))
    Verify()(before, IRModule({**functions, var: same}))
    words = "differ at" if place == "inside" else "against its type"
    with pytest.raises(VerificationError, match=words):
        Verify()(before, IRModule({**functions, var: other}))


def test_an_ill_formed_module_is_refused() -> None:
    before, after = partitioned()
    main = after.get_global_var("main")
    function = after["main"]
    block = relax.DataflowBlock(list(function.body.blocks[0].bindings)[1:])
    body = relax.SeqExpr([block], function.body.body)
    broken = relax.Function(function.params, body, function.ret_ty, True, function.attrs)
    functions = dict(after.functions.items())
    functions[main] = broken
    with pytest.raises(VerificationError, match="not well formed"):
        Verify()(before, IRModule(functions))


def test_an_ill_formed_model_is_the_model_s_own_fault() -> None:
    one = module([("relu", [0]), ("tanh", [1])])
    function = one["main"]
    block = relax.DataflowBlock(list(function.body.blocks[0].bindings)[1:])
    body = relax.SeqExpr([block], function.body.body)
    broken = relax.Function(function.params, body, function.ret_ty, True, function.attrs)
    with pytest.raises(ModelError, match="the module is not well formed Relax"):
        partition(IRModule({"main": broken}), ("a",), 0)


def test_a_lost_function_is_refused() -> None:
    before, after = partitioned()
    functions = {var: each for var, each in after.functions.items() if var.name_hint != "main"}
    with pytest.raises(VerificationError, match="has the functions"):
        Verify()(before, IRModule(functions))


def test_the_order_of_independent_bindings_does_not_matter() -> None:
    one = module([("relu", [0]), ("tanh", [0]), ("add", [1, 2])])
    function = one["main"]
    first, second, *rest = function.body.blocks[0].bindings
    block = relax.DataflowBlock([second, first, *rest])
    body = relax.SeqExpr([block], function.body.body)
    relax.expr._update_type(body, function.ret_ty)
    other = IRModule(
        {"main": relax.Function(function.params, body, function.ret_ty, True, function.attrs)}
    )
    Verify()(one, other)


def test_a_module_partitioned_twice_is_still_the_same() -> None:
    for seed in range(20):
        before = random_module(seed)
        once = partition(before, ("a",), seed).outlined.module
        assert all(graph.function in ("main", "other") for graph in read_module(once))
        twice = partition(once, ("b",), seed + 1).outlined.module
        Verify()(before, twice)
        assert decide(read_module(twice)[0], ("b",), 0)
