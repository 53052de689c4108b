"""Random functions, rewritten by callbacks that keep what they compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tvm import IRModule, relax

from byoc import relay
from byoc.frontends.model import Model
from byoc.relay.dataflow_pattern import DFPattern, DFPatternCallback, is_op, rewrite, wildcard
from byoc.relay.expr_functor import ExprMutator
from byoc.testing.run import run_model
from tests.partition.build import module
from tests.partition.graphs import random_module

UNARY = ("nn.relu", "tanh", "negative")
BINARY = ("add", "subtract", "multiply", "maximum")


@st.composite
def functions(draw: st.DrawFn) -> Any:
    """A module of up to ten ops of two inputs, with one or two results."""
    nodes: list[tuple[str, list[Any]]] = []
    for place in range(draw(st.integers(1, 10))):
        unary = draw(st.booleans())
        name = draw(st.sampled_from(UNARY if unary else BINARY))
        # Mostly what came just before, so that patterns of several ops are met.
        near = st.integers(max(0, place - 1), place + 1)
        nodes.append((name, [draw(near) for _ in range(1 if unary else 2)]))
    last = len(nodes) + 1
    outputs = [last] if draw(st.booleans()) else [last, draw(st.integers(2, last))]
    return module(nodes, sorted(set(outputs)), ((3, 4), (3, 4)))


class Same(DFPatternCallback):
    """Puts something in place of a match that computes the same."""

    def __init__(self, pattern: DFPattern, *inputs: DFPattern, make: Any) -> None:
        super().__init__()
        self.pattern, self.inputs, self.make = pattern, inputs, make

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        return self.make(*[node_map[each][0] for each in self.inputs])


def callbacks() -> list[Same]:
    x, y = wildcard(), wildcard()
    relu = is_op("nn.relu")(x)
    apart = is_op("subtract")(x, y)
    squares = is_op("tanh")(is_op("multiply")(x, x))
    bounded = is_op("maximum")(is_op("add")(x, y), is_op("negative")(x))
    op: Any = relay.op
    return [
        Same(relu, x, make=lambda a: op.maximum(a, relay.const(0.0))),
        Same(apart, x, y, make=lambda a, b: a + op.negative(b)),
        Same(squares, x, make=lambda a: op.tanh(op.power(a, relay.const(2.0)))),
        Same(bounded, x, y, make=lambda a, b: op.negative(op.minimum(op.negative(a + b), a))),
    ]


class Twice(ExprMutator):
    """Every tanh of what it is given, negated twice."""

    def visit_call(self, call: Any) -> Any:
        visited = super().visit_call(call)
        if visited.op.name != "tanh":
            return visited
        return relay.op.negative(relay.op.tanh(relay.op.negative(visited.args[0])))


def holds(before: Any, after: Any) -> None:
    """The function is well formed, its names are unique, and it gives the same numbers."""
    made = IRModule({"main": after})
    relax.analysis.well_formed(made)
    names = [each.var.name for block in after.body.blocks for each in block.bindings]
    assert len(set(names)) == len(names)
    rng = np.random.default_rng(3)
    inputs = {param.name: rng.normal(size=(3, 4)).astype("float32") for param in after.params}
    one = run_model(Model("before", before), inputs)
    other = run_model(Model("after", made), inputs)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def check(made: Any) -> None:
    function = made["main"]
    for each in callbacks():
        function = rewrite(each, function)
    holds(made, Twice().visit(function))


@given(functions())
@settings(max_examples=12, deadline=None)
def test_what_is_rewritten_computes_the_same(made: Any) -> None:
    check(made)


@pytest.mark.slow
@given(functions())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_rewritten_functions_compute_the_same(made: Any) -> None:
    check(made)


@pytest.mark.parametrize("seed", range(40))
def test_functions_of_all_kinds_stay_well_formed(seed: int) -> None:
    """Blocks outside dataflow, branches, symbolic dimensions, effects."""
    made = random_module(seed)
    for var in list(made.get_global_vars()):
        function = made[var]
        for each in callbacks():
            function = rewrite(each, function)
        made[var] = function
    relax.analysis.well_formed(made)


def test_a_function_that_computes_nothing_stays() -> None:
    x = relax.Var("x", relax.TensorType((2,), "float32"))
    builder = relax.BlockBuilder()
    with builder.function("main", [x]):
        builder.emit_func_output(x)
    function = builder.finalize()["main"]
    assert Twice().visit(function).same_as(function)
    assert rewrite(callbacks()[0], function).same_as(function)
