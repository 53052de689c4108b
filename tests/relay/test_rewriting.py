"""Callbacks as tables have them for `partition_for_...`, run on Relax modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byoc import relay
from byoc.errors import PatternError
from byoc.frontends.model import Model
from byoc.relay.dataflow_pattern import (
    DFPattern,
    DFPatternCallback,
    is_constant,
    is_expr,
    is_op,
    rewrite,
    wildcard,
)
from byoc.testing.run import run_model
from tests.partition.build import script
from tests.relay.build import used


def module(text: str) -> Any:
    return script(text, **used(text))


def rewritten(text: str, *callbacks: DFPatternCallback) -> Any:
    made = module(text)
    made["main"] = rewrite(list(callbacks), made["main"])
    return made


def ops(made: Any) -> list[str]:
    """The ops that the module calls, in order."""
    values = [each.value for block in made["main"].body.blocks for each in block.bindings]
    return [each.op.name.removeprefix("relax.") for each in values if hasattr(each, "op")]


def same_results(text: str, made: Any, rtol: float = 1e-5) -> bool:
    rng = np.random.default_rng(7)
    inputs = {}
    for param in made["main"].params:
        shape, dtype = [int(dim) for dim in param.ty.shape], str(param.ty.dtype)
        drawn = rng.normal(size=shape) if dtype == "float32" else rng.integers(-100, 100, shape)
        inputs[param.name] = drawn.astype(dtype)
    before = run_model(Model("before", module(text)), inputs)
    after = run_model(Model("after", made), inputs)
    return all(
        np.allclose(one, other, rtol=rtol, atol=1e-6)
        for one, other in zip(before, after, strict=True)
    )


class LayerNorm(DFPatternCallback):
    """A normalisation written out becomes one operator."""

    def __init__(self) -> None:
        super().__init__()
        self.data, self.gamma, self.beta = wildcard(), wildcard(), wildcard()
        mean = is_op("mean")(self.data)
        apart = is_op("subtract")(self.data, mean)
        square = is_op("power")(apart | is_op("cast")(apart), is_expr(relay.const(2.0)))
        spread = is_op("sqrt")(is_op("mean")(square) + is_expr(relay.const(1e-5)))
        scaled = is_op("multiply")(is_op("divide")(apart, spread), self.gamma)
        self.pattern = is_op("add")(scaled, self.beta)

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        data = node_map[self.data][0]
        gamma = node_map[self.gamma][0]
        beta = node_map[self.beta][0]
        return relay.op.nn.layer_norm(data=data, gamma=gamma, beta=beta)


NORM = (
    "m = mean(x, axis=[-1], keepdims=True); d = subtract(x, m); p = power(d, 2.0); "
    "v = mean(p, axis=[-1], keepdims=True); e = add(v, 1e-5); s = sqrt(e); n = divide(d, s); "
    "g = multiply(n, G); o = add(g, H) -> o"
)


def test_operators_become_one() -> None:
    made = rewritten(NORM, LayerNorm())
    assert ops(made) == ["nn.layer_norm"]
    assert same_results(NORM, made)


class ReshapeLast(DFPatternCallback):
    """A reshape between a product and its bias moves behind both."""

    def __init__(self) -> None:
        super().__init__()
        self.data, self.weight, self.bias = wildcard(), wildcard(), wildcard()
        self.moved = is_op("reshape")(is_op("nn.dense")(self.data, self.weight))
        self.pattern = is_op("add")(self.bias, self.moved)

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        attrs = node_map[self.moved][0].attrs
        dense = relay.op.nn.dense(node_map[self.data][0], node_map[self.weight][0])
        added = relay.op.add(node_map[self.bias][0], dense)
        return relay.op.reshape(added, attrs["newshape"])


def test_operators_change_places() -> None:
    text = "c = matmul(x, m); r = reshape(c, (1, 4, 6)); a = add(v, r); e = exp(a) -> e"
    made = rewritten(text, ReshapeLast())
    assert ops(made) == ["matmul", "add", "reshape", "exp"]
    assert same_results(text, made)


class Requantised(DFPatternCallback):
    """A quantised convolution with another scale of its result, and a `clip` behind it."""

    def __init__(self) -> None:
        super().__init__(rewrite_once=True)
        self.conv = is_op("qnn.conv2d")(*[wildcard() for _ in range(6)])
        self.given = [is_constant() for _ in range(4)]
        self.pattern = is_op("qnn.requantize")(self.conv, *[wildcard() for _ in range(4)])

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        root = node_map[self.conv][0]
        conv = relay.Call(root.op, root.args, root.attrs, root.type_args, root.span)
        assert conv.checked_type.dtype == "int32"
        assert root.op == relay.op.get("qnn.conv2d")
        _, scale, zero, out_scale, out_zero = pre.args
        back = relay.qnn.op.requantize(
            conv, scale, zero, out_scale, out_zero, out_dtype=pre.attrs.out_dtype
        )
        return relay.op.clip(back, -100, 100)


def test_integer_operators_come_back_as_a_cluster() -> None:
    text = (
        'd = dequantize(p, S, Z, out_dtype="float32"); k = dequantize(K, S, Z, out_dtype="float32"); '
        'c = nn.conv2d(d, k); o = quantize(c, S, Z, out_dtype="int8") -> o'
    )
    made = rewritten(text, Requantised())
    assert ops(made) == ["dequantize", "dequantize", "nn.conv2d", "quantize", "clip"]


class Around(DFPatternCallback):
    """Puts an operator around each match of another."""

    def __init__(self, name: str, make: Any, *, once: bool = True) -> None:
        super().__init__(rewrite_once=once)
        self.pattern, self.make = is_op(name)(wildcard()), make

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        return self.make(post)


def test_the_match_itself_may_stay() -> None:
    made = rewritten("a = exp(x); b = sqrt(a) -> b, a", Around("exp", relay.op.nn.relu))
    assert ops(made) == ["exp", "nn.relu", "sqrt"]
    assert same_results("a = exp(x); b = sqrt(a) -> b, a", made)


def test_names_stay_unique_and_the_result_keeps_its_own() -> None:
    made = rewritten("a = exp(x); b = exp(a) -> b", Around("exp", relay.op.nn.relu))
    names = [each.var.name for block in made["main"].body.blocks for each in block.bindings]
    assert len(set(names)) == len(names)
    assert {"a", "b", "result"} <= set(names)


def test_one_callback_after_the_other_until_nothing_changes() -> None:
    first = Around("exp", lambda each: relay.op.sqrt(each.args[0]), once=False)
    second = Around("sqrt", lambda each: relay.op.tanh(each.args[0]), once=False)
    assert ops(rewritten("a = exp(x); b = sqrt(a) -> b", first, second)) == ["tanh", "tanh"]


def test_nothing_changed_is_the_same_function() -> None:
    made = module("a = exp(x) -> a")
    assert rewrite(Around("sqrt", relay.op.nn.relu), made["main"]).same_as(made["main"])
    assert rewrite(Around("exp", lambda each: each), made["main"]).same_as(made["main"])


def test_a_value_read_outside_prevents_the_match() -> None:
    text = NORM.replace("-> o", "-> o, d")
    assert ops(rewritten(text, LayerNorm())) == ops(module(text))


class Folding(DFPatternCallback):
    """Arithmetic on constants, and types of what the callback itself made."""

    def __init__(self) -> None:
        super().__init__()
        self.pattern: DFPattern = is_op("nn.relu")(wildcard())

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        twice = relay.const(2.0) * pre.args[0] - 1.0
        assert twice.checked_type == pre.checked_type
        assert relay.op.cast(twice, "int8").checked_type.dtype == "int8"
        return relay.op.maximum((twice + 1.0) / 2.0, relay.const(0.0))


def test_arithmetic_of_expressions() -> None:
    made = rewritten("a = nn.relu(x) -> a", Folding())
    assert same_results("a = nn.relu(x) -> a", made)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda each: relay.op.cast(each, "int8"), "gives a .*int8.*, the match was a .*float32"),
        (lambda each: relay.op.nn.relu(each, 3), "nn.relu: give its attributes by name"),
        (lambda each: relay.op.nn.relu(each, axis=3), "nn.relu has no attribute 'axis'"),
        (lambda each: relay.op.nn.reluu(each), "unknown Relay op 'nn.reluu'.*nn.relu"),
        (lambda each: relay.op.exp("x"), "'x' of type str as an operand"),
        (lambda each: relay.op.add(each), "add takes 2 arguments; it is given 1"),
        (lambda each: 3, "rewrite.Around.: the callback gives a"),
        (lambda each: "x", "expected what byoc.relay.op"),
        (lambda each: relay.op.nn.relu(each), "after 100 passes"),
    ],
)
def test_what_a_callback_may_not_give(make: Any, words: str) -> None:
    with pytest.raises(PatternError, match=words):
        rewritten("a = exp(x) -> a", Around("exp", make, once=False))


def test_a_callback_needs_a_pattern_and_an_answer() -> None:
    class Bare(DFPatternCallback):
        pass

    with pytest.raises(PatternError, match="Bare has no pattern"):
        rewritten("a = exp(x) -> a", Bare())
    bare = Bare()
    bare.pattern = is_op("exp")(wildcard())
    with pytest.raises(PatternError, match="Bare has no callback"):
        bare.rewrite(module("a = exp(x) -> a")["main"])


class Legalised(DFPatternCallback):
    """A quantised convolution with zero points moved into its bias, and floats behind it, as oneDNN has it."""

    def __init__(self) -> None:
        super().__init__()
        self.data, self.weight, self.bias = wildcard(), wildcard(), wildcard()
        self.zero, self.scales = is_constant(), [is_constant() for _ in range(4)]
        given = (self.data, self.weight, self.zero, *[is_constant() for _ in range(3)])
        self.root = (is_op("qnn.conv2d") | is_op("qnn.dense"))(*given)
        biased = is_op("add")(self.root, self.bias) | self.root
        self.pattern = is_op("qnn.requantize")(biased, *self.scales)

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        root, weight = node_map[self.root][0], node_map[self.weight][0]
        bias = node_map.get(self.bias, default=[relay.const(0, dtype="int32")])[0]
        scale, _, out_scale, out_zero = (node_map[each][0] for each in self.scales)
        axis = [root.attrs.kernel_layout.index("O")]
        summed = relay.op.sum(relay.op.cast(weight, "int32"), axis=axis, exclude=True)
        moved = relay.op.cast(node_map[self.zero][0], "int32") * summed
        shape = relay.transform.InferTypeLocal(bias).concrete_shape
        bias = relay.op.squeeze(bias, [axis for axis, dim in enumerate(shape) if dim == 1])
        bias = bias.astype("float32") - moved.astype("float32")
        bias = bias + out_zero.astype("float32") * out_scale / scale
        zero, one = relay.const(0, dtype="int32"), relay.const(1.0, dtype="float32")
        given = [node_map[self.data][0], weight, zero, zero, one, one]
        made = relay.Call(root.op, given, root.attrs, root.type_args, root.span)
        made = made.astype("float32") + relay.op.expand_dims(bias, 1, 2)
        made = relay.op.round(relay.op.clip(made * (scale / out_scale), -128, 127))
        return relay.op.cast(made, dtype=node_map[self.pattern][0].checked_type.dtype)


@pytest.mark.parametrize("bias", ["", "B"])
def test_a_legalised_convolution_gives_the_same_integers(bias: str) -> None:
    stored = 'l = dequantize(B, T, O, out_dtype="float32"); a = add(c, l); ' if bias else ""
    text = (
        'd = dequantize(p, S, Z, out_dtype="float32"); k = dequantize(K, S, Y, out_dtype="float32"); '
        f"c = nn.conv2d(d, k); {stored}"
        f'o = quantize({"a" if bias else "c"}, E, Z, out_dtype="int8") -> o'
    )
    made = rewritten(text, Legalised())
    assert "quantize" not in ops(made)
    assert same_results(text, made)
