"""Keys: everything that can change a blob is in them, and an edited plugin is another one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from byoc.codegen.toolchain import Toolchain, toolchain, tree_digest
from byoc.codegen.whole import ZOO_PACKAGES, whole_key
from byoc.options import CompileOptions, PartitionOptions
from byoc.plugins import Plugins

PRINT = "ab" * 32


def chain(plugins: Plugins, **texts: str) -> Toolchain:
    return toolchain(plugins, "goodchip", texts)


def test_options_of_compile_time_count_and_those_of_load_time_do_not(plugins: Plugins) -> None:
    plain = chain(plugins)
    assert chain(plugins, queue="3", key="at load").key(PRINT) == plain.key(PRINT)
    keys = {
        each.key(PRINT)
        for each in (
            plain,
            chain(plugins, effort="high"),
            chain(plugins, isa="1"),
            chain(plugins, licence="secret"),
        )
    }
    assert len(keys) == 4
    assert plain.key("cd" * 32) not in keys


def test_toolchain_hardware_and_opset_count(
    plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = chain(plugins)
    monkeypatch.setenv("GOODCHIP_TOOLCHAIN", "2.0")
    assert chain(plugins).key(PRINT) != plain.key(PRINT)
    other = replace(plain, spec=replace(plain.spec, opset=18))
    assert other.key(PRINT) != plain.key(PRINT)
    other = replace(plain, maker=replace(plain.maker, hardware={"sram": 1}))
    assert other.key(PRINT) != plain.key(PRINT)


def test_an_edited_plugin_is_another_one(
    chips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "chips"
    shutil.copytree(chips / "chips", folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = tree_digest(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "good.pyc").write_bytes(b"compiled")
    assert tree_digest(folder) == before
    # A helper beside the plugin counts as the plugin does.
    with (folder / "evaluator.py").open("a") as file:
        file.write("\n")
    assert tree_digest(folder) != before


def test_the_key_of_an_artefact(plugins: Plugins, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"a model")
    chains, plain = [chain(plugins)], CompileOptions()

    def key(options: CompileOptions = plain, source: object = model) -> str | None:
        return whole_key(source, chains, options, {})

    first = key()
    assert first == key(replace(plain, jobs=1, timeout=1.0, cache_dir=tmp_path))
    pem = tmp_path / "key.pem"
    pem.write_text("a key", "utf-8")
    others = [
        key(replace(plain, fallback=True)),
        key(replace(plain, host="tvm")),
        key(replace(plain, target="llvm -mcpu=native")),
        key(replace(plain, sign=pem)),
        key(replace(plain, partition=PartitionOptions(min_ops=2))),
        key(replace(plain, partition=PartitionOptions(dims={"n": 1}))),
        key(source="zoo:resnet50"),
        key(source="zoo:squeezenet"),
    ]
    model.write_bytes(b"b model")
    others.append(key())
    assert len({first, *others}) == 10
    assert key(source=tmp_path / "missing.onnx") is None
    assert key(source=object()) is None


def test_external_data_counts(plugins: Plugins, tmp_path: Path) -> None:
    import numpy as np
    import onnx

    def key(value: float) -> str | None:
        tensor = onnx.numpy_helper.from_array(np.full(1000, value, "float32"), "w")
        node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
        info = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1000])
            for name in "xy"
        ]
        graph = onnx.helper.make_graph([node], "g", info[:1], info[1:], [tensor])
        path = tmp_path / "model.onnx"
        onnx.save(
            onnx.helper.make_model(graph),
            path,
            save_as_external_data=True,
            location="weights",
            size_threshold=0,
        )
        return whole_key(path, [chain(plugins)], CompileOptions(), {})

    one, again = key(1.0), None
    (tmp_path / "weights").unlink()
    other = key(2.0)
    (tmp_path / "weights").unlink()
    again = key(1.0)
    assert one == again
    assert one != other


def test_the_zoos_packages_are_known() -> None:
    from byoc.testing.zoo import describe, names

    found = {each.distribution for name in names() if (each := describe(name).shipped)}
    assert found == set(ZOO_PACKAGES)
