"""Inputs that nobody gave: drawn to fit the ports, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from byoc.cli._samples import sample_inputs
from byoc.errors import UsageError
from byoc.manifest import Port


def test_each_dtype_has_values_that_serve() -> None:
    dtypes = ("float32", "float16", "bfloat16", "int64", "int8", "uint8", "bool", "float64")
    ports = [Port(name, name, (64,)) for name in dtypes]
    arrays, words = sample_inputs("m.onnx", ports, 3, {}, {})
    assert words == "random, seed 3"
    for name, array in arrays.items():
        assert (array.dtype.name, array.shape) == (name, (64,))
        assert len(set(array.astype(float).tolist())) > 1
    assert set(arrays["int64"].tolist()) == {0, 1}
    assert arrays["int8"].min() < 0


def test_scalars_and_empty_tensors() -> None:
    ports = [Port("s", "float32", ()), Port("i", "int64", ()), Port("e", "float32", (0, 3))]
    arrays, _ = sample_inputs("m.onnx", ports, 0, {}, {})
    assert [array.shape for array in arrays.values()] == [(), (), (0, 3)]


def test_a_seed_says_it_all() -> None:
    ports = [Port("x", "float32", (8,)), Port("y", "float32", (8,))]
    first, same, other = (sample_inputs("m.onnx", ports, seed, {}, {})[0] for seed in (0, 0, 1))
    assert np.array_equal(first["x"], same["x"])
    assert not np.array_equal(first["x"], other["x"])
    assert not np.array_equal(first["x"], first["y"])


def test_dimensions_are_bound_by_name_or_by_a_shape() -> None:
    ports = [Port("x", "float32", ("n", 3)), Port("y", "float32", ("n", "n*2"))]
    for shapes, dims in (({}, {"n": 4}), ({"x": (4, 3)}, {})):
        arrays, _ = sample_inputs("m.onnx", ports, 0, shapes, dims)
        assert [array.shape for array in arrays.values()] == [(4, 3), (4, 8)]


def test_the_zoos_own_inputs_where_they_fit() -> None:
    fits = [Port("data_0", "float32", (1, 3, 224, 224))]
    assert sample_inputs("zoo:squeezenet", fits, 2, {}, {})[1] == "the zoo's own, seed 2"
    other = [Port("data_0", "float32", (4, 3, 224, 224))]
    arrays, words = sample_inputs("zoo:squeezenet", other, 2, {}, {})
    assert (words, arrays["data_0"].shape) == ("random, seed 2", (4, 3, 224, 224))
    assert sample_inputs("zoo:no-such", fits, 0, {}, {})[1] == "random, seed 0"


@pytest.mark.parametrize(
    ("shapes", "dims", "words"),
    [
        ({}, {}, "bind it with --shape n=N"),
        ({}, {"n": 1, "m": 2}, "no symbolic dimension 'm'; did you mean 'n'?"),
        ({"z": (1,)}, {}, "has no input 'z'"),
    ],
)
def test_what_does_not_fit_is_refused(
    shapes: dict[str, tuple[int, ...]], dims: dict[str, int], words: str
) -> None:
    with pytest.raises(UsageError) as raised:
        sample_inputs("m.onnx", [Port("x", "float32", ("n", 3))], 0, shapes, dims)
    assert words.split(";")[0] in str(raised.value)


def test_a_shape_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="has no shape of its own"):
        sample_inputs("m.onnx", [Port("x", "float32", None)], 0, {}, {})
