"""Every way in which a ready-made form can be written computes what the form's name says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from byoc.partition.graph import Kind, read_module
from byoc.partition.patterns._fits import fits
from byoc.partition.patterns.ast import Alternatives, Number, Op, Pattern, Wildcard
from byoc.partition.patterns.library import FORMS
from byoc.partition.patterns.text import parse
from byoc.partition.patterns.walk import names, size
from tests.partition.build import module
from tests.partition.patterns.same import same

Array = Any
Choice = Mapping[Pattern, Pattern]

erf = np.vectorize(math.erf)


def mean(x: Array) -> Array:
    return x.mean(axis=-1, keepdims=True)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def gelu(x: Array) -> Array:
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def layer_norm(x: Array, g: Array, b: Array, eps: float = 1e-5) -> Array:
    return (x - mean(x)) / np.sqrt(((x - mean(x)) ** 2).mean(axis=-1, keepdims=True) + eps) * g + b


OPS: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "erf": erf,
    "tanh": np.tanh,
    "mean": mean,
    "matmul": np.matmul,
    "permute_dims": lambda x: x.swapaxes(-1, -2),
    "where": np.where,
    "nn.softmax": softmax,
    "nn.gelu": gelu,
    "nn.gelu_tanh": gelu_tanh,
    "nn.layer_norm": layer_norm,
}


def written(pattern: Pattern) -> Iterator[Choice]:
    """Every choice of alternatives in a pattern."""
    yield from _choices([pattern], {})


def _choices(todo: list[Pattern], chosen: Choice) -> Iterator[Choice]:
    if not todo:
        yield chosen
        return
    pattern, rest = todo[0], todo[1:]
    if isinstance(pattern, Alternatives) and pattern not in chosen:
        for option in pattern.options:
            yield from _choices([option, *rest], {**chosen, pattern: option})
    elif isinstance(pattern, Op):
        yield from _choices([*(pattern.args or ()), *rest], chosen)
    else:
        yield from _choices(rest, chosen)


def compute(pattern: Pattern, chosen: Choice, values: Mapping[str, Array]) -> Array:
    if isinstance(pattern, Alternatives):
        return compute(chosen[pattern], chosen, values)
    if isinstance(pattern, Number):
        return pattern.value
    if isinstance(pattern, Wildcard):
        return values[pattern.name]
    assert isinstance(pattern, Op) and pattern.args is not None
    args = [compute(each, chosen, values) for each in pattern.args]
    return OPS[pattern.ops[0]](*args)


def ops(pattern: Pattern, chosen: Choice) -> set[str]:
    if isinstance(pattern, Alternatives):
        return ops(chosen[pattern], chosen)
    if not isinstance(pattern, Op):
        return set()
    return set(pattern.ops).union(*[ops(each, chosen) for each in pattern.args or ()])


X = np.random.default_rng(0).normal(size=(2, 3, 8))
G, B = np.random.default_rng(1).normal(size=(2, 8))


def test_every_gelu_is_a_gelu() -> None:
    (form,) = parse("byoc.gelu(x)")
    ways = list(written(form))
    assert len(ways) > 40
    for way in ways:
        expected = gelu_tanh(X) if ops(form, way) & {"tanh", "nn.gelu_tanh"} else gelu(X)
        np.testing.assert_allclose(compute(form, way, {"x": X}), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "gamma", "beta"),
    [("x", 1, 0), ("x, g", G, 0), ("x, g, b", G, B)],
)
def test_every_layer_norm_is_a_layer_norm(text: str, gamma: Array, beta: Array) -> None:
    (form,) = parse(f"byoc.layer_norm({text})")
    values = {"x": X, "g": G, "b": B, "eps": 1e-5}
    ways = list(written(form))
    assert len(ways) >= 6
    for way in ways:
        found = compute(form, way, values)
        np.testing.assert_allclose(found, layer_norm(X, gamma, beta), atol=1e-9)


@pytest.mark.parametrize("text", ["q, k, v", "q, k, v, mask"])
def test_every_attention_has_one_softmax_between_two_matmuls(text: str) -> None:
    (form,) = parse(f"byoc.attention({text})")
    q, k, v = np.random.default_rng(2).normal(size=(3, 4, 5, 8))
    one = np.ones(())
    values = {"q": q, "k": k, "v": v, "scale": one, "": np.full((), -1e30)}
    masks = {True: np.ones((5, 5), bool), False: np.zeros((5, 5))}
    expected = softmax(q @ k.swapaxes(-1, -2)) @ v
    for way in written(form):
        used = ops(form, way)
        if "where" in used:
            continue
        found = compute(form, way, {**values, "": one, "mask": masks[False]})
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_an_attention_selects_by_its_mask() -> None:
    (form,) = parse("byoc.attention(q, k, v, mask)")
    assert any("where" in ops(form, way) for way in written(form))


def test_a_form_exposes_its_own_wildcards_and_hides_its_values() -> None:
    for form in FORMS.values():
        for parameters in form.texts:
            (pattern,) = parse(f"{form.name}({', '.join(parameters)})")
            given = set(names(pattern))
            assert set(parameters) <= given <= {*parameters, *form.exposes}


def test_a_form_takes_values_and_gives_a_value() -> None:
    (output,) = parse("h = byoc.gelu(add(matmul(x, w:const), b:const))\nmatmul(h, w2:const)")
    assert names(output) == ("x", "w", "b", "h", "w2")
    assert size(output) == size(*parse("byoc.gelu(x)")) + 3


def test_the_mask_of_a_form_is_the_mask_of_the_text() -> None:
    (one,) = parse("add(byoc.attention(q, k, v), mask)")
    (two,) = parse("add(byoc.attention(q, k, v, mask), mask)")
    assert names(one) == ("q", "scale", "k", "mask", "v") == names(two)
    assert not same((one,), (two,))


def test_constants_of_a_form_are_constant_whoever_names_them_first() -> None:
    (output,) = parse("add(scale, byoc.attention(q, k, v))")
    assert isinstance(output, Op) and output.args is not None
    scale = output.args[0]
    assert isinstance(scale, Wildcard) and scale.constant


def scalar(value: float) -> Array:
    return np.asarray(value, "float32")


LAYER_NORM = [
    ("mean", [0], {"axis": [-1], "keepdims": True}),
    ("subtract", [0, 1]),
    ("power", [2, scalar(2)]),
    ("mean", [3], {"axis": [-1], "keepdims": True}),
    ("add", [4, scalar(1e-5)]),
    ("sqrt", [5]),
    ("divide", [2, 6]),
    ("multiply", [7, np.ones(4, "float32")]),
    ("add", [8, np.ones(4, "float32")]),
]

ERF_GELU = [
    ("divide", [0, scalar(math.sqrt(2))]),
    ("erf", [1]),
    ("add", [2, scalar(1)]),
    ("multiply", [0, 3]),
    ("multiply", [4, scalar(0.5)]),
]

TANH_GELU = [
    ("multiply", [scalar(0.5), 0]),
    ("power", [0, scalar(3)]),
    ("multiply", [scalar(0.044715), 2]),
    ("add", [0, 3]),
    ("multiply", [scalar(math.sqrt(2 / math.pi)), 4]),
    ("tanh", [5]),
    ("add", [scalar(1), 6]),
    ("multiply", [1, 7]),
]

ATTENTION = [
    ("permute_dims", [0], {"axes": [0, 1, 3, 2]}),
    ("matmul", [0, 1]),
    ("divide", [2, scalar(2)]),
    ("add", [3, np.zeros((4, 4), "float32")]),
    ("softmax", [4]),
    ("matmul", [5, 0]),
]


def over_axis(axis: int) -> list[Any]:
    return [
        (op, operands, {"axis": [axis], "keepdims": True}) if op == "mean" else (op, operands)
        for op, operands, *_ in LAYER_NORM
    ]


@pytest.mark.parametrize(
    ("text", "graph", "fit"),
    [
        ("byoc.layer_norm(x, g:const, b:const)", LAYER_NORM, True),
        ("byoc.layer_norm(x, g, b)", over_axis(3), True),
        ("byoc.layer_norm(x, g, b)", over_axis(1), False),
        ("byoc.layer_norm(x, g)", LAYER_NORM[:-1], True),
        ("byoc.layer_norm(x)", LAYER_NORM[:-2], True),
        ("byoc.layer_norm(x)", LAYER_NORM, False),
        ("byoc.gelu(x)", ERF_GELU, True),
        ("byoc.gelu(x)", TANH_GELU, True),
        ("byoc.gelu(x)", [("nn.gelu", [0])], True),
        ("byoc.gelu(x)", [("sigmoid", [0]), ("multiply", [0, 1])], False),
        ("byoc.attention(q, k, v)", ATTENTION, True),
        ("byoc.attention(q, k, v, mask)", ATTENTION, True),
        ("byoc.attention(q, k, v, mask)", [*ATTENTION[:3], ("softmax", [3]), ("matmul", [4, 0])], False),
        ("byoc.attention(q, k, v)", [*ATTENTION[:3], ("softmax", [3]), ("matmul", [4, 0])], True),
    ],
)  # fmt: skip
def test_forms_fit_what_exporters_write(text: str, graph: list[Any], fit: bool) -> None:
    (read,) = read_module(module(graph, inputs=[(1, 4, 4, 4)]))
    node = max(node for node, kind in enumerate(read.kinds) if kind is Kind.CALL)
    assert fits(*parse(text), read, node) is fit
