"""Visitors, mutators and analyses of tables, on what checks see and on Relax functions."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from byoc import relay
from byoc.errors import PatternError
from byoc.frontends.model import Model
from byoc.relay import tvm
from byoc.relay.analysis import all_vars, free_vars, post_order_visit
from byoc.relay.dataflow_pattern import is_constant, is_op, wildcard
from byoc.relay.expr import Call, TupleGetItem
from byoc.relay.expr_functor import ExprFunctor, ExprMutator, ExprVisitor
from tests.partition.build import script
from tests.relay.build import seen, used
from tests.relay.test_rewriting import module, ops, same_results


class Intensive(ExprVisitor):
    """Whether there is a multiplication of tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def visit_call(self, call: Any) -> None:
        if isinstance(call.op, tvm.tir.op.Op) and str(call.op) in ("nn.conv2d", "nn.dense"):
            self.found = True
        super().visit_call(call)


@pytest.mark.parametrize(
    ("text", "intensive"),
    [
        ("c = nn.conv2d(i, w); r = nn.relu(c) -> r", True),
        ("e = exp(x); t = split(e, indices_or_sections=2); u = t[0] -> u, e", False),
        ("c = concat((x, y)); e = exp(c) -> e", False),
    ],
)
def test_a_visitor_sees_every_call(text: str, intensive: bool) -> None:
    visitor = Intensive()
    visitor.visit(module(text)["main"])
    assert visitor.found is intensive


def test_a_visitor_of_a_match() -> None:
    call = seen("c = nn.conv2d(i, w); r = nn.relu(c) -> r", is_op("nn.relu")(wildcard()))
    names: list[str] = []
    post_order_visit(
        call, lambda each: names.append(each.op.name) if isinstance(each, Call) else None
    )
    assert names == ["nn.relu"]
    assert [each.name_hint for each in free_vars(call)] == ["c"]
    assert all_vars(call) == free_vars(call)


class RemoveDropout(ExprMutator):
    """The first item of a dropout is what it is given."""

    def visit_tuple_getitem(self, op: Any) -> Any:
        visited = super().visit_tuple_getitem(op)
        whole = visited.tuple_value
        if visited.index == 0 and isinstance(whole, Call) and whole.op.name == "nn.dropout":
            return whole.args[0]
        return visited


DROPOUT = "e = exp(x); t = nn.dropout(e); u = t[0]; r = nn.relu(u); s = sqrt(r) -> s, e"


def test_a_mutator_of_a_function() -> None:
    made = module(DROPOUT)
    made["main"] = RemoveDropout().visit(made["main"])
    assert sorted(ops(made)) == ["exp", "nn.relu", "sqrt"]
    assert same_results(DROPOUT.replace("nn.dropout(e); u = t[0]", "nn.relu(e); u = abs(e)"), made)


def test_a_mutator_that_changes_nothing_gives_the_same_function() -> None:
    function = module("e = exp(x); c = concat((e, x)); t = split(c, 2); u = t[0] -> u")["main"]
    assert RemoveDropout().visit(function).same_as(function)


def test_a_deep_function_is_visited_and_made_again() -> None:
    chain = "; ".join(f"v{at + 1} = exp(v{at})" for at in range(1500))
    made = module(f"v0 = nn.relu(x); {chain} -> v1500")

    class Relus(ExprMutator):
        def visit_call(self, call: Any) -> Any:
            visited = super().visit_call(call)
            return relay.op.tanh(visited.args[0]) if visited.op.name == "nn.relu" else visited

    limit = sys.getrecursionlimit()
    visitor = Intensive()
    visitor.visit(made["main"])
    assert len(visitor.memo_map) == 1502
    made["main"] = Relus().visit(made["main"])
    assert ops(made) == ["tanh", *["exp"] * 1500]
    assert sys.getrecursionlimit() == limit


@relay.transform.function_pass(opt_level=0)  # type: ignore[untyped-decorator]  # TVM's
class RemoveDropoutPass:
    """As tables have it."""

    def transform_function(self, func: Any, mod: Any, ctx: Any) -> Any:
        return RemoveDropout().visit(func)


def test_a_pass_of_a_mutator_and_its_origins() -> None:
    origins = {"main": {name: (f"node_{name}",) for name in "eturs"}}
    model = Model("dropout", module(DROPOUT), origins=origins)
    seq = tvm.transform.Sequential([relay.transform.InferType(), RemoveDropoutPass()])
    made = relay.rewritten(model, seq)
    bindings = [each for block in made.module["main"].body.blocks for each in block.bindings]
    by_op = {
        each.value.op.name: made.origins["main"].get(each.var.name)
        for each in bindings
        if hasattr(each.value, "op")
    }
    assert by_op["relax.exp"] == ("node_e",)
    assert by_op["relax.nn.relu"] == ("node_r",)


class MoveReshape(ExprMutator):
    """A mutator that asks patterns, as many do."""

    dense = is_op("nn.dense")(wildcard(), is_constant())
    biased = is_op("add")(is_op("reshape")(dense), is_constant())

    def visit_call(self, call: Any) -> Any:
        visited = super().visit_call(call)
        if not self.biased.match(visited):
            return visited
        reshape = visited.args[0]
        added = relay.op.add(reshape.args[0], visited.args[1])
        return relay.op.reshape(added, reshape.attrs.newshape)


def test_a_mutator_asks_patterns() -> None:
    text = "c = matmul(x, m); r = reshape(c, (1, 4, 6)); a = add(r, v); e = exp(a) -> e"
    made = module(text)
    made["main"] = MoveReshape().visit(made["main"])
    assert ops(made) == ["matmul", "add", "reshape", "exp"]
    assert same_results(text, made)


def test_a_quantised_function_keeps_its_clusters() -> None:
    text = (
        'd = dequantize(p, S, Z, out_dtype="float32"); k = dequantize(K, S, Z, out_dtype="float32"); '
        'c = nn.conv2d(d, k); r = nn.relu(c); o = quantize(r, S, Z, out_dtype="int8") -> o'
    )

    class Sigmoid(ExprMutator):
        def visit_call(self, call: Any) -> Any:
            visited = super().visit_call(call)
            is_relu = visited.op.name == "nn.relu"
            return relay.op.sigmoid(visited.args[0]) if is_relu else visited

    made = script(text, **used(text))
    made["main"] = Sigmoid().visit(made["main"])
    assert ops(made) == ["dequantize", "dequantize", "nn.conv2d", "sigmoid", "quantize"]


def test_what_a_functor_cannot_do() -> None:
    call = seen("e = exp(x) -> e", is_op("exp")(wildcard()))
    with pytest.raises(NotImplementedError):
        ExprFunctor().visit(call)
    with pytest.raises(PatternError, match="visit of int"):
        ExprVisitor().visit(3)
    with pytest.raises(PatternError, match=r"relay.transform.MergeComposite is no pass.*partition"):
        relay.transform.MergeComposite([])(module("e = exp(x) -> e"))
    with pytest.raises(AttributeError, match=r"no pass 'FoldConstan'.*FoldConstant"):
        _ = relay.transform.FoldConstan
    assert isinstance(TupleGetItem(relay.op.split(call, 2), 0).checked_type, tvm.ir.TensorType)


def test_what_a_pass_raises_comes_out() -> None:
    @relay.transform.function_pass(opt_level=0)  # type: ignore[untyped-decorator]  # TVM's
    def refusing(func: Any, mod: Any, ctx: Any) -> Any:
        raise PatternError("no")

    with pytest.raises(PatternError, match="no"):
        refusing(module("e = exp(x) -> e"))


def test_parameters_are_bound_by_name() -> None:
    text = "a = add(x, y) -> a"
    made = module(text)
    bound = relay.build_module.bind_params_by_name(made["main"], {"y": np.ones((4, 4), "float32")})
    assert [param.name for param in bound.params] == ["x"]
    with pytest.raises(PatternError, match=r"no parameter 'yy' .there is: x, y."):
        relay.build_module.bind_params_by_name(made["main"], {"yy": np.ones(3)})
