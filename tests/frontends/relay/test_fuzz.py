"""Damaged text gives a module, or an error with its place; long text is read in linear time."""

import random
import re
import time

import pytest

from byoc.errors import ModelError
from byoc.frontends.relay.module import convert_text
from byoc.frontends.relay.parser import parse
from tests.conftest import ROOT

DATA = ROOT / "tests" / "data" / "relay"
SEEDS = [
    "def @main(%x: Tensor[(1, 3), float32]) { %0 = nn.relu(%x); %1 = (%0, %x); concatenate(%1, axis=1) }",
    "def @main(%x: Tensor[(1, 4, 8, 8), float32], %w: Tensor[(4, 4, 3, 3), float32]) {\n"
    "  %0 = nn.conv2d(%x, %w, padding=[1, 1, 1, 1], kernel_size=[3, 3]) /* span=c:0:0 */;\n"
    "  %1 = nn.max_pool2d(%0, pool_size=[2, 2], strides=[2, 2]);\n"
    "  let %y = mean(%1, axis=[2, 3]);\n  nn.softmax(%y)\n}",
    "def @main(%x: Tensor[(2, 6), float32]) {\n"
    '  %0 = qnn.quantize(%x, 0.5f, 3, out_dtype="int8");\n  %1 = reshape(%0, newshape=[3, -1]);\n'
    "  %2 = if (True) { %x } else { negative(%x) };\n"
    "  (qnn.dequantize(%1, 0.5f, 3), take(%x, 1, axis=0), %2)\n}",
]
TOKENS = re.compile(r"\s+|[\w.]+|.", re.DOTALL)


def mutated(rng: random.Random) -> str:
    tokens = TOKENS.findall(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(tokens))
        match rng.randrange(4):
            case 0:
                del tokens[at]
            case 1:
                tokens[at] = rng.choice(tokens)
            case 2:
                tokens.insert(
                    at, rng.choice(["-1", "0", "99", "(", "}", "%0", "@main", '"', "meta[a][0]"])
                )
            case _:
                tokens = tokens[:at] if rng.random() < 0.1 else [*tokens[at:], *tokens[:at]]
        if not tokens:
            return ""
    return "".join(tokens)


def hold(count: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        text = mutated(rng)
        try:
            convert_text(text, {}, {}, {}, "m")
        except ModelError as error:
            message = str(error)
            assert re.match(r"m:\d+:\d+: ", message) or "no function @main" in message, text


def test_damaged_text_is_refused_with_its_place() -> None:
    hold(600, 1)


@pytest.mark.slow
def test_much_damaged_text_is_refused_with_its_place() -> None:
    hold(50_000, 2)


def test_damaged_metadata_is_refused_with_its_place() -> None:
    rng, text = random.Random(3), (DATA / "qnn_cnn.relay").read_text("utf-8")
    begin = text.index("#[metadata]")
    for _ in range(60):
        at = rng.randrange(begin, len(text))
        damaged = text[:at] + rng.choice(["", "9", '"', "A", "]"]) + text[at + rng.randint(0, 3) :]
        try:
            convert_text(damaged, {}, {}, {}, "m")
        except ModelError as error:
            assert re.match(r"m:\d+:\d+: ", str(error)), damaged[at - 40 : at + 40]


@pytest.mark.slow
def test_a_long_text_is_read_in_linear_time() -> None:
    def seconds(lines: int) -> float:
        body = "".join(f"  %{index} = add(%x, %x);\n" for index in range(lines))
        start = time.process_time()
        parse(f"def @main(%x: Tensor[(1), float32]) {{\n{body}  %0\n}}", "m")
        return time.process_time() - start

    assert seconds(100_000) <= 12 * seconds(10_000)
