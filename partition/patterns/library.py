"""The ready-made forms `byoc.NAME(...)`: what exporters write for one mathematical function, in pattern text.

A form's parameters stand for what it is called with; the names in `exposes` are wildcards that rules may use, and
every other name is the form's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Form:
    """One ready-made form: a text for each number of operands it can be called with."""

    name: str
    summary: str
    texts: Mapping[tuple[str, ...], str]
    exposes: tuple[str, ...] = ()


GELU: Final = """
e = erf(divide(x, 1.41421356) | multiply(x, 0.70710678))
cube = power(x, 3) | multiply(x, multiply(x, x))
sum = add(x, multiply(cube, 0.044715))
sloped = multiply(x, add(multiply(multiply(x, x), 0.044715), 1))
slope = multiply(x, add(multiply(x, multiply(x, 0.044715)), 1))
scaled = multiply(sum | sloped | slope, 0.79788456)
late = multiply(multiply(x, 0.79788456), add(multiply(x, multiply(x, 0.044715)), 1))
early = multiply(multiply(x, 0.79788456), add(multiply(multiply(x, x), 0.044715), 1))
c = add(e | tanh(scaled | late | early), 1)
halved = multiply(multiply(x, c), 0.5) | divide(multiply(x, c), 2)
half = multiply(multiply(x, 0.5), c) | multiply(divide(x, 2), c)
halves = multiply(x, multiply(c, 0.5)) | multiply(x, divide(c, 2))
halved | half | halves | nn.gelu(x) | nn.gelu_tanh(x)
"""
"""Both gelus: erf as PyTorch and TensorFlow write it, tanh with the cube written as a power or as products."""

_NORMALISED: Final = """
m = mean(x){axis=-1}
d = subtract(x, m)
variance = mean(power(d, 2) | multiply(d, d)){axis=-1}
deviation = sqrt(add(variance, eps:const))
inverse = rsqrt(add(variance, eps:const)) | divide(1, deviation)
n = divide(d, deviation) | multiply(d, inverse)
"""

_FOLDED: Final = f"""{_NORMALISED}
i = multiply(inverse, g)
folded = add(multiply(x, i), subtract(b, multiply(m, i)))
"""
"""TensorFlow's batch_normalization of moments, which multiplies the scale into the deviation's inverse."""

LAYER_NORM: Final = MappingProxyType(
    {
        ("x",): f"{_NORMALISED}n",
        ("x", "g"): f"{_NORMALISED}multiply(n, g)",
        ("x", "g", "b"): f"{_FOLDED}add(multiply(n, g), b) | folded | nn.layer_norm(x, g, b)",
    }
)

_SCORES: Final = """
qs = multiply(q, scale:const) | divide(q, scale:const) | q
kt = multiply(permute_dims(k), _:const) | permute_dims(multiply(k, _:const)) | permute_dims(k)
s = matmul(qs, kt)
t = multiply(s, scale:const) | divide(s, scale:const) | s
masked = add(t, mask) | where(mask, t, _:const) | where(mask, _:const, t)
"""

ATTENTION: Final = MappingProxyType(
    {
        ("q", "k", "v"): f"{_SCORES}matmul(nn.softmax(masked | t), v)",
        ("q", "k", "v", "mask"): f"{_SCORES}matmul(nn.softmax(masked), v)",
    }
)

FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        form.name: form
        for form in (
            Form(
                "byoc.gelu",
                "x times the normal distribution function of x, by erf or tanh, factors in any order",
                MappingProxyType({("x",): GELU}),
            ),
            Form(
                "byoc.layer_norm",
                "x normalised over its last axis, times g, plus b; with fewer operands without them",
                LAYER_NORM,
                ("eps",),
            ),
            Form(
                "byoc.attention",
                "softmax(q k^T) v with the scale on q, on both or on the scores, and a mask added or selected",
                ATTENTION,
                ("scale", "mask"),
            ),
        )
    }
)
"""Every ready-made form by its name."""
