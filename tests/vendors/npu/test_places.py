"""Views are held to numpy's own."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from byoc.vendors.npu import isa
from byoc.vendors.npu.places import View
from byoc.vendors.npu.pool import Pool

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


def seen(view: View, memory: np.ndarray) -> np.ndarray:
    """What the view shows of float32s."""
    return np.lib.stride_tricks.as_strided(memory[view.offset // 4 :], view.shape, view.strides)


@given(SHAPES, st.data())
def test_views_are_as_numpys(shape: tuple[int, ...], data: st.DataObject) -> None:
    memory = np.arange(math.prod(shape), dtype=np.float32)
    view = View.dense(isa.Space.TMP, 0, shape, isa.Dtype.F32)
    array = memory.reshape(shape)
    for _ in range(data.draw(st.integers(0, 3))):
        axes = data.draw(st.permutations(range(len(shape))))
        view, array = view.permute(axes), array.transpose(axes)
        starts = [data.draw(st.integers(0, n - 1)) for n in array.shape]
        counts = [
            data.draw(st.integers(1, n - s)) for n, s in zip(array.shape, starts, strict=True)
        ]
        view = view.slice(starts, counts)
        array = array[tuple(slice(s, s + n) for s, n in zip(starts, counts, strict=True))]
    assert np.array_equal(seen(view, memory), array)
    low, high = view.span
    assert low == array.min() * 4
    assert high == array.max() * 4 + 4


@given(SHAPES, st.data())
def test_a_view_is_reshaped_where_numpy_needs_no_copy(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    memory = np.arange(math.prod(shape), dtype=np.float32)
    axes = data.draw(st.permutations(range(len(shape))))
    view = View.dense(isa.Space.TMP, 0, shape, isa.Dtype.F32).permute(axes)
    array = memory.reshape(shape).transpose(axes)
    flat = data.draw(st.permutations([n for each in shape for n in factors(each)]))
    wanted = tuple(math.prod(flat[i : i + 2]) for i in range(0, len(flat), 2))
    got = view.reshape(wanted)
    copied = array.reshape(wanted)
    assert (got is not None) == np.shares_memory(copied, memory)
    if got is not None:
        assert np.array_equal(seen(got, memory), copied)


def factors(number: int) -> list[int]:
    """1 and prime factors."""
    return [1] + ([2, 2] if number == 4 else [number])


def test_the_pool_holds_equal_bytes_once() -> None:
    pool = Pool()
    assert [pool.add(each) for each in (b"a" * 65, b"b", b"a" * 65, b"c" * 64)] == [0, 128, 0, 192]
    assert pool.size == len(pool.data) == 256
    assert pool.data[128:130] == b"b\0"


def test_views_repeat_elements() -> None:
    view = View.dense(isa.Space.SP, 64, (3, 1), isa.Dtype.F32).broadcast((2, 3, 5))
    assert view.strides == (0, 4, 0)
    assert view.span == (64, 76)
