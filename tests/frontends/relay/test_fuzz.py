"""Damaged text gives a module, or an error with its place; long text takes as many steps as it has lines."""

import random
import re
import sys

import pytest
from tvm import relax

from byoc.errors import ModelError
from byoc.frontends.relay.module import convert_text
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
    "def @main(%x: Tensor[(?, 4), float32]) -> Tensor[(?, 4), float32] {\n"
    "  let %f: fn (Tensor[(?, 4), float32]) -> Tensor[(?, 4), float32] =\n"
    "    fn (%a: Tensor[(?, 4), float32], Primitive=1) { exp(%a) * 2f + %a /* a */ };\n"
    "  %0 = split(%f(%x), indices_or_sections=2, axis=1);\n"
    "  %1 = (%0.1, %0.0, ());\n"
    "  let %y: Tensor[(?, 4), float32] = concatenate((%1.0, %1.1), axis=-1);\n  @g(%y)\n}\n"
    "def @g(%a: Tensor[(?, 4), float32]) { clip(%a, a_min=-1e-3f, a_max=6f) }",
    "def @main(%x: Tensor[(1, 3), float32]) -> (Tensor[(1, 3), float32], bool) {\n"
    "  %1 = @npu_0(%x); // the vendor's\n  (%1, any(%1 < 0f))\n}\n"
    'def @npu_0(%a: Tensor[(1, 3), float32], Inline=1, Compiler="npu", Primitive=1, global_symbol="npu_0") {\n'
    '  %0 = fn (%b: Tensor[(1, 3), float32], PartitionedFromPattern="nn.relu_", Composite="npu.relu") {\n'
    "    nn.relu(%b) /* ty=Tensor[(1, 3), float32] */\n  };\n  %0(%a)\n}",
    "fn (%x: Tensor[(2, 3, 4), float32], %i: Tensor[(2), int64]) {\n"
    '  %0 = transpose(%x, axes=[0, 2, 1]); %1 = strided_slice(%0, begin=[0, 1], end=[2, 3], slice_mode="end");\n'
    '  (sum(%1, axis=[-1], keepdims=True), take(%x, %i, axis=0, mode="clip"), topk(%x, k=2).1)\n}',
]
TOKENS = re.compile(r"\s+|[\w.]+|.", re.DOTALL)
STRANGE = [
    *("-1", "0", "99", "(", ")", "}", "%0", "%x", "@main", '"', "meta[a][0]", "meta[relay.Constant][0]", "None"),
    *("True", "nanf", "1e400", "9" * 30, "int8", "bool", "?", "/*", "*/", "//", "let", "fn", "if", "else", ".0"),
    *("=", ",", ";", "->", "\0", "\ufeff", "é", "\r\n", "#[metadata]", "#[version", "Compiler=1", "[", "]", "-"),
]  # fmt: skip


def mutated(rng: random.Random) -> str:
    text = rng.choice(SEEDS)
    tokens = TOKENS.findall(text)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(tokens))
        match rng.randrange(7):
            case 0:
                del tokens[at]
            case 1:
                tokens[at] = rng.choice(tokens)
            case 2:
                tokens.insert(at, rng.choice(STRANGE))
            case 3:
                tokens[at] = rng.choice(STRANGE)
            case 4:
                other = TOKENS.findall(rng.choice(SEEDS))
                cut = rng.randrange(len(other))
                tokens[at:at] = other[cut : cut + rng.randint(1, 12)]
            case 5:
                tokens[at] = tokens[at][: rng.randint(0, len(tokens[at]))] + chr(rng.randrange(128))
            case _:
                tokens = [*tokens[at:], *tokens[:at]] if rng.random() < 0.1 else tokens[:at]
        if not tokens:
            return ""
    return "".join(tokens)


def hold(count: int, seed: int) -> int:
    """Read damaged texts; how many are modules all the same."""
    rng, modules = random.Random(seed), 0
    for _ in range(count):
        text = mutated(rng)
        try:
            made = convert_text(text, {}, {}, {}, "m", rng.choice(["qdq", "integer"]))
            relax.analysis.well_formed(made.module)
        except ModelError as error:
            assert re.match(r"m:\d+:\d+: ", str(error)), text
        except Exception as error:
            raise AssertionError(text) from error
        else:
            modules += 1
    return modules


def test_damaged_text_is_refused_with_its_place() -> None:
    assert hold(600, 1) > 30


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


def test_a_long_text_takes_as_many_steps_as_it_has_lines() -> None:
    def steps(lines: int) -> int:
        """Calls and returns while the text is read: what a clock would measure, without its noise."""
        body = "".join(f"  %{index} = add(%x, %x) /* a */;\n" for index in range(lines))
        text = f"def @main(%x: Tensor[(1), float32]) {{\n{body}  %0\n}}"
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            convert_text(text, {}, {}, {}, "m")
        finally:
            sys.setprofile(before)
        return count

    steps(10)
    assert steps(2000) <= 10.1 * steps(200)
