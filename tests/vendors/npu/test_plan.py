"""Plans: what is alive at the same time lies apart, and programs compute what the reference says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import isa
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.compiler import Options, compiled
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.hardware import load
from byoc.vendors.npu.isa import Act, Binary, Dtype, Window
from byoc.vendors.npu.plan import Plan, plan
from byoc.vendors.npu.planning.graph import operands
from byoc.vendors.npu.pool import Pool
from tests.vendors.npu.execution import compare, emitted
from tests.vendors.npu.networks import networks

SMALL = load("small")
TIGHT = replace(SMALL, scratchpad=6144)
"""A chip on which little can be kept."""

FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@FEW
@given(networks(), st.booleans(), st.sampled_from((1, 2)))
def test_networks_compute_the_reference(network: ly.Network, keep: bool, slots: int) -> None:
    compare(network, SMALL, keep=keep, slots=slots)


@FEW
@given(networks())
def test_networks_compute_the_reference_where_little_fits(network: ly.Network) -> None:
    try:
        compare(network, TIGHT)
    except MisfitError as error:
        assert error.need > TIGHT.scratchpad // 4


@FEW
@given(networks(), st.booleans())
def test_what_is_alive_lies_apart(network: ly.Network, keep: bool) -> None:
    made = plan(network, TIGHT if keep else SMALL, Pool(), keep=keep)
    for index, step in enumerate(made.steps):
        alive = [*held(made, index), *([("tiles", scratch(step))] if step.scratch_bytes else [])]
        for place, (name, lines) in enumerate(alive):
            for other, others in alive[place + 1 :]:
                assert not lines & others or related(name, other), (name, other)


def scratch(step: Any) -> set[tuple[isa.Space, int]]:
    lines = range(step.scratch // isa.LINE, (step.scratch + step.scratch_bytes) // isa.LINE)
    return {(isa.Space.SP, line) for line in lines}


def held(made: Plan, index: int) -> list[tuple[Any, set[tuple[isa.Space, int]]]]:
    """What was written before or by the step, and is read by it or later: tensors and their lines."""
    written = {step.layer.out for step in made.steps[: index + 1]}
    read = {each for step in made.steps[index:] for each in operands(step.layer)}
    read.add(made.steps[index].layer.out)
    found = []
    for tensor in dict.fromkeys(each for each in made.views if each in written & read):
        view = made.views[tensor]
        if view.space in (isa.Space.SP, isa.Space.TMP):
            found.append((tensor, {(view.space, line) for line in view.lines}))
    return found


def related(one: Any, other: Any) -> bool:
    """Parts of one buffer; told by the kernels' results being right, not here."""
    return isinstance(one, ly.Tensor) and isinstance(other, ly.Tensor)


@FEW
@given(networks())
def test_plans_are_deterministic(network: ly.Network) -> None:
    one, other = (plan(network, SMALL, Pool()) for _ in range(2))
    assert [(each.config, each.scratch) for each in one.steps] == [
        (each.config, each.scratch) for each in other.steps
    ]
    mine, yours = ([v for t, v in each.views.items() if t.name] for each in (one, other))
    assert mine == yours


def tensor(name: str, *shape: int) -> ly.Tensor:
    return ly.Tensor(name, shape, Dtype.F32)


def network(inputs: Any, outputs: Any, *layers: ly.Layer) -> ly.Network:
    return ly.Network(tuple(inputs), tuple(outputs), layers, ())


def relu(x: ly.Tensor, name: str) -> ly.Map:
    return ly.Map(x, tensor(name, *x.shape), 0, act=Act.RELU)


def test_a_concatenation_of_results_needs_no_copy() -> None:
    x = tensor("x", 1, 8, 6, 6)
    one, two = relu(x, "one"), relu(x, "two")
    both = ly.Concat((one.out, two.out), tensor("both", 1, 16, 6, 6), 0, 1)
    last = relu(both.out, "last")
    made = plan(network([x], [last.out], one, two, both, last), SMALL, Pool())
    assert [type(each.layer) for each in made.steps] == [ly.Map] * 3
    compare(network([x], [last.out], one, two, both, last), SMALL)


def test_concatenations_of_concatenations_need_no_copy() -> None:
    x = tensor("x", 1, 8, 6, 6)
    maps = [relu(x, f"m{i}") for i in range(3)]
    first = ly.Concat((maps[0].out, maps[1].out), tensor("first", 1, 16, 6, 6), 0, 1)
    other = relu(first.out, "other")
    second = ly.Concat((first.out, maps[2].out), tensor("second", 1, 24, 6, 6), 0, 1)
    net = network([x], [second.out, other.out], *maps, first, other, second)
    assert [type(each.layer) for each in plan(net, SMALL, Pool()).steps] == [ly.Map] * 4
    compare(net, SMALL)


def test_a_part_that_is_an_input_or_stands_twice_is_copied() -> None:
    x = tensor("x", 1, 8, 6, 6)
    one = relu(x, "one")
    both = ly.Concat((one.out, x, one.out), tensor("both", 1, 24, 6, 6), 0, 1)
    net = network([x], [both.out], one, both)
    kinds = [type(each.layer) for each in plan(net, SMALL, Pool()).steps]
    assert kinds == [ly.Map, ly.Copy, ly.Copy]
    compare(net, SMALL)


def test_heads_are_cut_and_joined_without_copies() -> None:
    x = tensor("x", 2, 5, 24)
    q = relu(x, "q")
    cut = ly.Alias(q.out, tensor("cut", 2, 5, 3, 8), 0, "reshape")
    heads = ly.Alias(cut.out, tensor("heads", 2, 3, 5, 8), 0, "transpose", (0, 2, 1, 3))
    turned = ly.Alias(cut.out, tensor("turned", 2, 3, 8, 5), 0, "transpose", (0, 2, 3, 1))
    scores = ly.MatMul(heads.out, turned.out, tensor("scores", 2, 3, 5, 5), 0)
    soft = ly.Softmax(scores.out, tensor("soft", 2, 3, 5, 5), 0, 3)
    mixed = ly.MatMul(soft.out, heads.out, tensor("mixed", 2, 3, 5, 8), 0)
    back = ly.Alias(mixed.out, tensor("back", 2, 5, 3, 8), 0, "transpose", (0, 2, 1, 3))
    flat = ly.Alias(back.out, tensor("flat", 2, 5, 24), 0, "reshape")
    last = relu(flat.out, "last")
    net = network([x], [last.out], q, cut, heads, turned, scores, soft, mixed, back, flat, last)
    made = plan(net, SMALL, Pool())
    assert not [each for each in made.steps if isinstance(each.layer, ly.Copy)]
    compare(net, SMALL)


def test_a_reshaped_result_is_made_in_the_output() -> None:
    x = tensor("x", 1, 8, 1, 1)
    pooled = relu(x, "r")
    flat = ly.Alias(pooled.out, tensor("flat", 1, 8), 0, "reshape")
    made = plan(network([x], [flat.out], pooled, flat), SMALL, Pool())
    assert [type(each.layer) for each in made.steps] == [ly.Map]
    assert made.views[pooled.out].space is isa.Space.OUT


def test_outputs_may_be_inputs_constants_and_one_another() -> None:
    x = tensor("x", 3, 5)
    one = relu(x, "one")
    fixed = ly.Tensor("c", (2, 2), Dtype.F32, None, np.eye(2, dtype=np.float32))
    compare(network([x], [x, one.out, one.out, fixed, x], one), SMALL)
    compare(network([x], [x]), SMALL)


def test_an_output_is_used_inside() -> None:
    x = tensor("x", 1, 8, 6, 6)
    one = relu(x, "one")
    two = ly.Map(one.out, tensor("two", 1, 8, 6, 6), 0, one.out, op=Binary.ADD)
    compare(network([x], [one.out, two.out], one, two), SMALL)


def test_layers_that_nothing_needs_do_not_run() -> None:
    x = tensor("x", 3, 5)
    one, two = relu(x, "one"), relu(x, "two")
    assert len(plan(network([x], [one.out], two, one), SMALL, Pool()).steps) == 1


def test_a_chain_stays_in_the_scratchpad() -> None:
    x = tensor("x", 1, 16, 16, 16)
    pooled = [ly.Pool(x, tensor("p0", 1, 16, 16, 16), 0, Window.MAX, (3, 3), (1, 1), (1,) * 4)]  # type: ignore[arg-type]
    for index in range(1, 5):
        out = tensor(f"p{index}", 1, 16, 16, 16)
        layer = ly.Pool(pooled[-1].out, out, 0, Window.MAX, (3, 3), (1, 1), (1, 1, 1, 1))
        pooled.append(layer)
    net = network([x], [pooled[-1].out], *pooled)
    kept, spilled = (plan(net, SMALL, Pool(), keep=keep) for keep in (True, False))
    assert kept.kept == 4 and kept.tmp == 0
    assert spilled.kept == 0 and spilled.tmp == 2 * 16 * 16 * 16 * 4
    assert kept.high <= SMALL.scratchpad
    transfers = [each for each in emitted(kept, SMALL, Pool()) if isinstance(each, isa.Load)]
    assert {each.source.space for each in transfers} == {isa.Space.IN}
    assert sum(each.cycles for each in kept.steps) < sum(each.cycles for each in spilled.steps)


@settings(FEW, max_examples=25)
@given(networks(), st.booleans())
def test_the_simulator_accepts_programs(network: ly.Network, keep: bool) -> None:
    """No access beyond a memory, no race, no token too many."""
    assert compiled(network, SMALL, Options(keep=keep)).report.cycles >= 0


def test_what_does_not_fit_is_refused_with_the_figure() -> None:
    x = tensor("x", 2, 100_000)
    layer = ly.Softmax(x, tensor("o", 2, 100_000), 0, 1)
    with pytest.raises(MisfitError) as caught:
        plan(network([x], [layer.out], layer), SMALL, Pool())
    assert caught.value.need > caught.value.have == SMALL.scratchpad
