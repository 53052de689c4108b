"""Inputs are held against the ports: what fits arrives as it was given, what does not is told apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from byoc.errors import InputError
from byoc.manifest import Port
from byoc.runtime import library
from byoc.runtime.inputs import accept
from byoc.runtime.tensors import to_array

pytestmark = pytest.mark.skipif(not library.is_built(), reason="byoc's C++ runtime is not built")

IMAGE = Port("image", "float32", ("n", 3))
MASK = Port("mask", "int64", ("n",))
DTYPES = ["bool", "int8", "int32", "uint8", "int64", "float16", "float32", "float64"]


def one(port: Port, value: Any) -> npt.NDArray[np.generic]:
    return to_array(accept("m.so", [port], [value]).tensors[0])


def refused(ports: Sequence[Port], given: Any) -> str:
    with pytest.raises(InputError) as caught:
        accept("m.so", ports, given)
    return str(caught.value)


@given(
    st.sampled_from(DTYPES).flatmap(
        lambda name: arrays.arrays(
            np.dtype(name).newbyteorder(">") if name != "bool" else name,
            arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
        )
    ),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_any_layout_of_the_same_values_is_the_same_tensor(
    array: npt.NDArray[np.generic], random: Any, native: bool
) -> None:
    axes = list(range(array.ndim))
    random.shuffle(axes)
    strided = array.transpose(axes)[(*(slice(None, None, -1),) * array.ndim, ...)]
    if native:
        strided = strided.astype(strided.dtype.newbyteorder("="), copy=False)
    found = one(Port("x", array.dtype.name, strided.shape), strided)
    np.testing.assert_array_equal(found, strided)
    assert found.shape == strided.shape
    assert found.flags.c_contiguous
    assert found.dtype.isnative


@given(
    st.sampled_from(DTYPES),
    st.sampled_from(DTYPES),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
def test_nothing_else_fits(
    dtype: str, other: str, shape: tuple[int, ...], wrong: tuple[int, ...]
) -> None:
    assume((dtype, shape) != (other, wrong))
    words = refused([Port("x", dtype, shape)], [np.zeros(wrong, other)])
    assert "'x'" in words
    assert "expected" in words


def test_arrays_by_name_and_in_order() -> None:
    image, mask = np.zeros((2, 3), "float32"), np.zeros(2, "int64")
    for both in ({"mask": mask, "image": image}, [image, mask], (image, mask)):
        found = accept("m.so", [IMAGE, MASK], both)
        assert [tuple(each.shape) for each in found.tensors] == [(2, 3), (2,)]
        assert found.dims == {"n": 2}
        assert (found.copies, found.bytes) == (0, 2 * 3 * 4 + 2 * 8)


def test_contiguous_arrays_are_not_copied() -> None:
    array = np.zeros((2, 3), "float32")
    assert one(IMAGE, array).ctypes.data == array.ctypes.data


def test_copies_are_counted() -> None:
    found = accept("m.so", [IMAGE, MASK], [np.zeros((3, 2), "f4").T, np.zeros(2, ">i8")])
    assert (found.copies, found.copied_bytes) == (2, 24 + 16)


def test_an_odd_address_is_copied() -> None:
    odd = np.zeros(17, "uint8")[1:].view("float32").reshape(1, 4)
    assert not odd.flags.aligned
    assert accept("m.so", [Port("x", "float32", (1, 4))], [odd]).copies == 1


def test_other_libraries_give_tensors_by_dlpack() -> None:
    class Foreign:
        def __init__(self, array: npt.NDArray[np.float32]) -> None:
            self.array = array

        def __dlpack__(self, **how: Any) -> Any:
            return self.array.__dlpack__(**how)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    array = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(one(IMAGE, Foreign(array)), array)
    np.testing.assert_array_equal(one(IMAGE, Foreign(array[:, ::-1])), array[:, ::-1])
    array.flags.writeable = False
    np.testing.assert_array_equal(one(IMAGE, Foreign(array)), array)
    words = refused([IMAGE], [Foreign(np.zeros((2, 3), ">f4"))])
    assert "gives no tensor by DLPack" in words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "was given 0 inputs, expected 2: image, mask"),
        ({}, "input 'image' is missing"),
        ({"image": 0, "masks": 0}, "has no input 'masks'; did you mean 'mask'?"),
        (np.zeros((2, 3), "f4"), "of type ndarray; expected a mapping"),
        ([[1.0, 2.0, 3.0], [1]], "'image' is of type list; expected a numpy array"),
        ([np.ma.zeros((2, 3), "f4"), 0], "'image' is a masked array"),
        ([np.zeros((2, 3)), 0], "'image' is float64, expected float32; nothing is cast"),
        ([np.zeros((2, 4), "f4"), np.zeros(2, "i8")], "dimension 1 is 4, not 3"),
        ([np.zeros(3, "f4"), np.zeros(2, "i8")], "has 1 dimensions [3], expected 2: [n, 3]"),
        (
            [np.zeros((2, 3), "f4"), np.zeros(4, "i8")],
            "dimension 0 is 4, not 2, which is n with n = 2",
        ),
        ([np.array(["a"]), 0], "'image' is str"),
        ([np.array([None]), 0], "'image' is object"),
    ],
)
def test_what_does_not_fit_is_told(given: Any, words: str) -> None:
    said = refused([IMAGE, MASK], given)
    assert said.startswith("m.so")
    assert words in said


def test_unknown_ranks_and_extents_take_anything() -> None:
    assert one(Port("x", "float32", None), np.zeros((1, 2, 3), "f4")).shape == (1, 2, 3)
    assert one(Port("x", "float32", (None, 2)), np.zeros((7, 2), "f4")).shape == (7, 2)


def test_a_numpy_scalar_is_a_tensor_without_dimensions() -> None:
    assert one(Port("x", "int64", ()), np.int64(7)) == 7
