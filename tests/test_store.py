"""A written partition reads back as it was, and a damaged one is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import tvm_ffi

import byoc
from byoc.errors import PlanError, UsageError
from tests.partition.build import module


@pytest.fixture(scope="module")
def partition() -> byoc.Partition:
    weights = np.arange(48, dtype="float32").reshape(4, 12)
    nodes = [
        ("matmul", [0, weights]),
        ("relu", [1]),
        ("split", [2], {"indices_or_sections": 3, "axis": 1}),
        ("item", [3], {"index": 0}),
        ("item", [3], {"index": 2}),
        ("add", [4, 5]),
        ("multiply", [6, np.float32(1) / 3]),
        ("tanh", [7]),
        ("add", [8, weights[:, :4]]),
    ]
    return byoc.partition_model(module(nodes), ["npu"])


@pytest.fixture
def folder(partition: byoc.Partition, tmp_path: Path) -> Path:
    partition.save(tmp_path / "out")
    return tmp_path / "out"


def test_it_reads_back_equal(partition: byoc.Partition, folder: Path) -> None:
    stored = byoc.load_partition(folder)
    assert tvm_ffi.structural_equal(stored.module, partition.module)
    assert stored.plan == partition.plan


def test_a_real_model_with_host_nodes_reads_back_equal(tmp_path: Path) -> None:
    partition = byoc.partition_model("zoo:qdq_cnn", ["npu"])
    partition.save(tmp_path / "out")
    stored = byoc.load_partition(tmp_path / "out")
    assert tvm_ffi.structural_equal(stored.module, partition.module)
    assert stored.plan == partition.plan
    assert stored.host_nodes == partition.model.host_nodes


@pytest.mark.parametrize("dim", ["batch", "lambda", "n.1"])
def test_symbolic_shapes_and_strange_names_read_back_equal(tmp_path: Path, dim: str) -> None:
    names = ["batch", "class", "TypeVar", "metadata", "1a", "R", "None", "é", "x y", "v_class"]
    nodes = [("matmul", [0, np.ones((8, 8), "float32")], {"name": "class"})]
    nodes += [("add", [index, 0], {"name": name}) for index, name in enumerate(names, 1)]
    partition = byoc.partition_model(module(nodes, inputs=[(dim, 8)]), ["npu"])
    partition.save(tmp_path / "out")
    stored = byoc.load_partition(tmp_path / "out")
    assert tvm_ffi.structural_equal(stored.module, partition.module)


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "int8", "uint8", "int64", "bool", "float64"]
)
def test_constants_keep_every_bit(tmp_path: Path, dtype: str) -> None:
    import ml_dtypes

    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    data = np.frombuffer(
        bytes(i % 2 if dtype == "bool" else i % 120 for i in range(16 * kind.itemsize)), kind
    )
    nodes = [("where", [0, data.reshape(4, 4), data.reshape(4, 4)])]
    given = module(nodes, dtypes=["bool"])
    partition = byoc.partition_model(given, ["npu"])
    partition.save(tmp_path / "out")
    stored = byoc.load_partition(tmp_path / "out")
    assert tvm_ffi.structural_equal(stored.module, partition.module)


def test_the_same_partition_gives_the_same_bytes(partition: byoc.Partition, folder: Path) -> None:
    again = folder.with_name("again")
    partition.save(again)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    assert names == sorted(path.relative_to(again) for path in again.rglob("*"))
    for name in names:
        assert (folder / name).read_bytes() == (again / name).read_bytes(), name


def test_the_script_holds_no_weights(folder: Path) -> None:
    script = (folder / "module.py").read_text("utf-8")
    assert 'metadata["ir.GenericConst"][0]' in script
    assert "load_json" not in script


def test_an_existing_folder_is_not_overwritten(partition: byoc.Partition, folder: Path) -> None:
    with pytest.raises(UsageError, match="exists already"):
        partition.save(folder)
    partition.save(folder, force=True)


def test_force_replaces_partitions_only(partition: byoc.Partition, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(UsageError, match="no partition folder"):
        partition.save(tmp_path, force=True)
    assert (tmp_path / "thesis.txt").exists()


def test_nothing_is_left_of_a_write_that_fails(partition: byoc.Partition, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(UsageError, match="cannot write"):
        partition.save(tmp_path / "file" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["module.py", "constants.safetensors"])
def test_an_altered_file_is_refused(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(PlanError, match=name):
        byoc.load_partition(folder)


@pytest.mark.parametrize("name", ["module.py", "constants.safetensors", "plan.json"])
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(PlanError, match=name):
        byoc.load_partition(folder)


def test_another_format_and_bad_json_are_refused(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    (folder / "plan.json").write_text(json.dumps({**plan, "format": 99}), "utf-8")
    with pytest.raises(PlanError, match="format 99, expected 2"):
        byoc.load_partition(folder)
    (folder / "plan.json").write_text("{", "utf-8")
    with pytest.raises(PlanError, match="JSON"):
        byoc.load_partition(folder)
