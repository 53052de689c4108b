"""Arrays from and to files: every dtype comes back, and the same arrays give the same bytes."""

from __future__ import annotations

import io
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from byoc.cli._arrays import archive_bytes, read_inputs
from byoc.errors import UsageError
from byoc.manifest import Port

NAMES = ("float32", "float16", "bfloat16", "int8", "uint64", "bool", "float8_e4m3fn")


def some_arrays() -> dict[str, np.ndarray]:
    given = np.arange(6).reshape(2, 3)
    arrays = {name: given.astype(getattr(ml_dtypes, name, name)) for name in NAMES}
    return {**arrays, "a/b c:0": np.float32(1.5).reshape(()), "file": np.zeros((0, 2))}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arrays = some_arrays()
    (tmp_path / "all.npz").write_bytes(archive_bytes(arrays))
    ports = [Port(name, array.dtype.name, array.shape) for name, array in arrays.items()]
    found = read_inputs([], tmp_path / "all.npz", ports)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_the_same_arrays_give_the_same_bytes() -> None:
    data = archive_bytes(some_arrays())
    assert data == archive_bytes(some_arrays())
    with np.load(io.BytesIO(data)) as archive:
        assert "file" in archive.files


def test_a_name_is_needed_where_there_are_several(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(3))
    ports = [Port("x", "float64", (3,)), Port("y", "float64", (3,))]
    with pytest.raises(UsageError, match=r"expected NAME=FILE.npy \(the inputs: x, y\)"):
        read_inputs([str(tmp_path / "x.npy")], None, ports)
