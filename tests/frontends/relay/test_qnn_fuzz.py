"""Quantised calls with one part exchanged: a module or an error with its place, in both forms."""

import random
import re

import numpy as np
import pytest
from tvm import relax

from byoc.errors import ModelError
from byoc.frontends.relay.module import convert_text
from byoc.frontends.relay.ops import FORMS
from tests.frontends.relay.qnn_networks import HEADER

_ENDS = "0.5f, 3, 0.25f, -4"
CALLS = [
    'qnn.quantize(%x, 0.5f, 3, out_dtype="int8", axis=1)',
    'qnn.quantize(%x, %s, %z, out_dtype="int32", axis=1)',
    'qnn.dequantize(%q, %s, %z, axis=1, out_dtype="float16")',
    'qnn.requantize(%a, %s, %z, 0.5f, 3, axis=1, rounding="TONEAREST", out_dtype="int8")',
    f'qnn.requantize(%q, {_ENDS}, compute_dtype="float32", out_dtype="uint8")',
    "qnn.conv2d(%q, %w, 3, 0, 0.5f, 0.1f, padding=[1, 1, 1, 1], groups=1, channels=2, kernel_size=[3, 3], "
    'data_layout="NCHW", kernel_layout="OIHW", out_dtype="int32")',
    'qnn.conv2d_transpose(%q, %w, 3, 0, 0.5f, 0.1f, channels=2, kernel_size=[3, 3], out_dtype="int32")',
    'qnn.dense(%m, %m, 3, 0, 0.5f, 0.1f, units=4, out_dtype="int32")',
    'qnn.batch_matmul(%b, %b, 3, 0, 0.5f, 0.1f, out_dtype="int32")',
    f"qnn.add(%q, %q, {_ENDS}, 0.1f, 7, lhs_axis=-1, rhs_axis=-1)",
    "qnn.mul(%q, %q, %s, %z, %s, %z, 0.1f, 7, lhs_axis=1, rhs_axis=1)",
    f"qnn.concatenate((%q, %q), (0.5f, 0.25f), (3, -4), {_ENDS}, axis=1)".replace(_ENDS, "0.5f, 3"),
    f'qnn.avg_pool2d(%q, {_ENDS}, pool_size=[2, 2], strides=[2, 2], ceil_mode=True, layout="NCHW")',
    f"qnn.leaky_relu(%q, {_ENDS}, alpha=0.1f)",
    f"qnn.softmax(%q, {_ENDS}, axis=1)",
    f"qnn.sigmoid(%q, {_ENDS})",
    "fixed_point_multiply(%a, multiplier=1518500250, shift=-3)",
    'nn.avg_pool2d(cast(%r, dtype="int32"), pool_size=[2, 2])',
    "nn.max_pool2d(%r, pool_size=[2, 2])",
    "clip(%r, a_min=-3f, a_max=9f)",
    "maximum(%r, 3i8)",
    "nn.pad(%r, 3i8, pad_width=[[0, 0], [0, 0], [1, 1], [1, 1]])",
    "nn.bias_add(qnn.dense(%m, %m, 3, 0, 0.5f, 0.1f, units=4), %m, axis=1)",
    'cast(%r, dtype="int32")',
]
STRANGE = [
    *("%x", "%q", "%a", "%w", "%m", "%b", "%s", "%z", "%r", "(%q, %s)", "()", "0", "1", "-1", "7", "99", "-9"),
    *("0f", "-1f", "1e30f", "1e-30f", "nanf", "inff", "True", "None", "[]", "[1]", "[2, 0]", "[-1, 1, 1, 1]"),
    *('"int8"', '"uint16"', '"int64"', '"float32"', '"bool"', '"NHWC"', '"OIWH"', '"HWOI"', '"UPWARD"', '""'),
]  # fmt: skip
_PARTS = re.compile(r'%\w+|-?[\d.]+(?:e-?\d+)?(?:f|i8)?|"\w*"|\[[^\[\]]*\]|True')


def _text(rng: random.Random) -> str:
    call = rng.choice(CALLS)
    for _ in range(rng.choice([1, 1, 2])):
        found = rng.choice(list(_PARTS.finditer(call)))
        call = call[: found.start()] + rng.choice(STRANGE) + call[found.end() :]
    text = HEADER + (
        "def @main(%x: Tensor[(1, 2, 4, 4), float32], %q: Tensor[(1, 2, 4, 4), int8], "
        "%a: Tensor[(1, 2, 4, 4), int32], %w: Tensor[(2, 2, 3, 3), int8], %m: Tensor[(4, 4), int8], "
        "%b: Tensor[(2, 3, 3), int8], %s: Tensor[(2), float32], %z: Tensor[(2), int32]) {\n"
        '  let %r = qnn.quantize(%x, 0.5f, 3, out_dtype="int8");\n'
    )
    return f"{text}  {call}\n}}\n"


def _hold(count: int, seed: int) -> int:
    """Convert texts in both forms; how many are modules."""
    rng, modules = random.Random(seed), 0
    params = {"s": np.asarray([0.5, 0.25], np.float32), "z": np.asarray([3, 0], np.int32)}
    params["w"] = np.ones((2, 2, 3, 3), np.int8)
    for index in range(count):
        text = _text(rng)
        given = params if index % 2 else {}
        for form in FORMS:
            try:
                model = convert_text(text, given, {}, {}, "fuzz", form)
            except ModelError as error:
                assert re.match(r"fuzz:\d+:\d+: ", str(error)), (text, form)
                continue
            except Exception as error:
                raise AssertionError((text, form)) from error
            relax.analysis.well_formed(model.module)
            modules += 1
    return modules


def test_exchanged_parts_are_explained_or_taken() -> None:
    assert _hold(150, 0) > 20


@pytest.mark.slow
def test_exchanged_parts_are_explained_or_taken_at_length() -> None:
    assert _hold(6000, 1) > 1000
