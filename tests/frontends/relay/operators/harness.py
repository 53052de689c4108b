"""Runs one Relay expression over arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tvm import relax

from byoc.errors import ModelError
from byoc.frontends.relay.module import convert_text
from byoc.testing.run import run_model

Array = npt.NDArray[Any]


def random(*shape: int, seed: int = 0, dtype: str = "float32") -> Array:
    """Numbers of both signs; integers of small size."""
    made = np.random.default_rng(seed).normal(size=shape) * (1 if dtype.startswith("f") else 9)
    return made.astype(dtype)


def text(body: str, arrays: Mapping[str, Array]) -> str:
    """A module whose main has the arrays as parameters."""
    params = ", ".join(f"%{name}: {_type(array)}" for name, array in arrays.items())
    return f'#[version = "0.0.5"]\ndef @main({params}) {{\n{body}\n}}'


def _type(array: Array) -> str:
    if array.ndim == 0:
        return str(array.dtype)
    return f"Tensor[({', '.join(map(str, array.shape))}), {array.dtype}]"


def run(body: str, *, constants: Mapping[str, Array] | None = None, **arrays: Array) -> list[Array]:
    """What the expression gives; `constants` are parameters that a file of weights has."""
    given = constants or {}
    model = convert_text(text(body, {**arrays, **given}), given, {}, {}, "m.relay")
    relax.analysis.well_formed(model.module)
    return [np.asarray(each) for each in run_model(model, arrays)]


def agree(
    body: str,
    *wanted: Array | float,
    constants: Mapping[str, Array] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    **arrays: Array,
) -> None:
    """The expression gives these arrays, of these shapes and dtypes."""
    found = run(body, constants=constants, **arrays)
    for one, other in zip(found, wanted, strict=True):
        expected = np.asarray(other)
        assert (one.shape, one.dtype) == (expected.shape, expected.dtype), body
        np.testing.assert_allclose(one, expected, rtol=rtol, atol=atol, err_msg=body)


def refused(body: str, words: str, **arrays: Array) -> None:
    """The expression is refused with its place and these words."""
    with pytest.raises(ModelError, match=rf"^m.relay:\d+:\d+: .*{words}"):
        convert_text(text(body, arrays), {}, {}, {}, "m.relay")
