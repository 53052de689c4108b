"""Calls that fit no operator are refused with their place; a defect of a conversion is none of the user's."""

import random
import re
from dataclasses import replace

import pytest

from byoc.errors import ModelError
from byoc.frontends.relay import function
from byoc.frontends.relay.module import convert_text
from byoc.frontends.relay.ops import FORMS, OPERATORS
from tests.frontends.relay.operators.harness import random as numbers
from tests.frontends.relay.operators.harness import refused

DTYPES = ["float32"] * 6 + ["int32", "int64", "int8", "bool"]
WORDS = [
    "NCHW",
    "NHWC",
    "NCW",
    "OIHW",
    "HWIO",
    "float32",
    "int8",
    "",
    "void",
    "max",
    "linear",
    "ij",
]


def operand(rng: random.Random, shape: list[int]) -> str:
    """The type of a parameter, or a constant."""
    if rng.random() < 0.15:
        return rng.choice(["2", "1f", "-3", "True", "2i64"])
    if rng.random() < 0.6:
        shape = [rng.randint(1, 4) for _ in range(rng.randint(0, 5))]
    dtype = rng.choice(DTYPES)
    return f"Tensor[({', '.join(map(str, shape))}), {dtype}]" if shape else dtype


def value(rng: random.Random) -> str:
    def integer() -> int:
        return rng.choice([-5, -2, -1, 0, 1, 1, 2, 2, 3, 4, 2**40])

    match rng.randrange(8):
        case 0 | 1:
            return str(integer())
        case 2:
            return f"{rng.choice([0, 0.5, -1, 1e30])}f"
        case 3:
            return rng.choice(["True", "False", "None"])
        case 4:
            return f'"{rng.choice(WORDS)}"'
        case 5:
            pairs = [[rng.randint(0, 2), rng.randint(0, 2)] for _ in range(rng.randint(1, 5))]
            return str(pairs)
        case _:
            return str([integer() for _ in range(rng.randint(0, 6))])


def call(rng: random.Random) -> str:
    """One call of a random operator, most of it nonsense."""
    row = OPERATORS[rng.choice(sorted(OPERATORS))]
    shape = [rng.randint(1, 4) for _ in range(rng.randint(0, 5))]
    given, params = [], []
    for index in range(rng.randint(row.arguments[0], row.arguments[1])):
        made = operand(rng, shape)
        if made[:4] == "True" or made[0] in "-123":
            given.append(made)
            continue
        params.append(f"%p{index}: {made}")
        given.append(rng.choice([f"%p{index}"] * 9 + [f"(%p{index}, %p{index})"]))
    if rng.random() < 0.1:
        given = [f"({', '.join(given)},)"]
    for name in row.defaults:
        if rng.random() < 0.4:
            given.append(f"{name}={value(rng)}")
    return f"def @main({', '.join(params)}) {{\n{row.name}({', '.join(given)})\n}}"


def hold(count: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        text = call(rng)
        try:
            convert_text(text, {}, {}, {}, "m")
        except ModelError as error:
            assert re.match(r"m:\d+:\d+: ", str(error)), text
        except Exception as error:
            error.add_note(text)
            raise


def test_calls_of_nonsense_are_refused_with_their_place() -> None:
    hold(3_000, 1)


@pytest.mark.slow
def test_many_calls_of_nonsense_are_refused_with_their_place() -> None:
    hold(50_000, 2)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('nn.softmax(%x, axis="last")', "its attribute axis is 'last', where an integer belongs"),
        ("nn.softmax(%x, axis=1.5f)", "axis is 1.5, where an integer belongs"),
        ("nn.max_pool2d(%x, pool_size=[2, None])", "a list of integers belongs"),
        ("nn.pad(%x, 0f, pad_width=[0, 1])", "a list of pairs of integers belongs"),
        ("nn.leaky_relu(%x, alpha=True)", "a number belongs"),
        ("sum(%x, keepdims=2)", "a truth value belongs"),
        ("cast(%x, dtype=32)", "the name of a dtype belongs"),
        ("sum(%x, axis=[4])", "axis 4 of a tensor of rank 4"),
    ],
)
def test_attributes_of_another_kind_are_refused(body: str, words: str) -> None:
    refused(body, re.escape(words), x=numbers(1, 2, 4, 4))


def test_a_defect_of_a_conversion_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> object:
        return [][1]

    row = replace(OPERATORS["nn.relu"], convert=broken)
    monkeypatch.setitem(FORMS["qdq"], "nn.relu", row)  # type: ignore[arg-type]  # a dict
    with pytest.raises(IndexError) as error:
        convert_text("def @main(%x: float32) {\nnn.relu(%x)\n}", {}, {}, {}, "m")
    assert error.value.__notes__ == ["m:2:1: while nn.relu became Relax"]
    assert not function.is_refusal(error.value)


def test_an_argument_that_ffi_refuses_is_a_defect_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from tvm import relax

    row = replace(OPERATORS["nn.softmax"], convert=lambda op: relax.op.nn.softmax(op.expr(), "x"))
    monkeypatch.setitem(FORMS["qdq"], "nn.softmax", row)  # type: ignore[arg-type]  # a dict
    with pytest.raises(TypeError) as error:
        convert_text("def @main(%x: Tensor[(2), float32]) {\nnn.softmax(%x)\n}", {}, {}, {}, "m")
    assert not function.is_refusal(error.value)
