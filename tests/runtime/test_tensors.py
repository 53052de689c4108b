"""numpy arrays as TVM's tensors and back, on the same memory."""

import ml_dtypes
import numpy as np
import pytest

from byoc.runtime.tensors import empty, numpy_dtype, to_array, to_tensor

NAMES = ["bool", "int8", "uint8", "int16", "int64", "uint64", "float16", "float32", "float64"]
NAMES += ["bfloat16", "float8_e4m3fn", "float8_e5m2"]


@pytest.fixture(autouse=True)
def _loaded(testchip: None) -> None:
    """The C++ runtime is there."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(2, 3), (), (0, 4)])
def test_there_and_back_on_the_same_memory(name: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape).astype(numpy_dtype(name))
    tensor = to_tensor(array)
    back = to_array(tensor)
    assert (str(tensor.dtype), tuple(tensor.shape)) == (name, shape)
    assert back.dtype == array.dtype
    assert back.shape == shape
    if array.size:
        assert back.ctypes.data == array.ctypes.data


def test_read_only_arrays_are_taken_as_they_are() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    assert to_array(to_tensor(array)).ctypes.data == array.ctypes.data


@pytest.mark.parametrize("alignment", [1, 64, 4096])
@pytest.mark.parametrize("shape", [(3, 5), (), (0, 2)])
def test_empty_arrays_are_aligned(alignment: int, shape: tuple[int, ...]) -> None:
    array = empty(shape, "bfloat16", alignment)
    assert array.shape == shape
    assert array.dtype == ml_dtypes.bfloat16
    assert array.size == 0 or array.ctypes.data % alignment == 0


def test_a_name_that_is_no_dtype() -> None:
    with pytest.raises(TypeError, match="float33"):
        numpy_dtype("float33")
