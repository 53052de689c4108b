"""The simulator without the processor's wide vectors gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byoc.vendors.npu import simulate
from tests.conftest import ROOT
from tests.runtime.native import toolchain
from tests.vendors.npu.native.seeds import CONSTANTS, seeds
from tests.vendors.npu.native.test_driver import WEIGHTS, product

NATIVE = ROOT / "vendors" / "npu" / "native"
SOURCES = [path for path in sorted(NATIVE.glob("*.cc")) if path.stem != "driver"]
FLAGS = ("-O1", "-fPIC", "-ffp-contract=off", "-DNPU_PORTABLE", "-shared", f"-I{NATIVE}")


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("portable")
    sources = [*SOURCES, toolchain.NATIVE / "sha256.cc"]
    objects = toolchain.compile_objects(folder / "objects", sources, FLAGS)
    yield toolchain.link_program(folder / "libportable.so", objects, FLAGS)
    simulate._library.cache_clear()


def runs() -> list[list[np.ndarray[Any, Any]]]:
    """What all programs give."""
    x = np.random.default_rng(0).standard_normal((8, 16)).astype(np.float32)
    first, _ = simulate.run(product().to_bytes(), WEIGHTS.tobytes(), [x])
    others = (simulate.run(each.to_bytes(), CONSTANTS, [x[:, :8]])[0] for each in seeds())
    return [first, *others]


def test_all_kinds_of_instructions(portable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = runs()
    monkeypatch.setattr(simulate, "LIBRARY", portable)
    simulate._library.cache_clear()
    for made, other in zip(runs(), wanted, strict=True):
        for one, two in zip(made, other, strict=True):
            np.testing.assert_array_equal(one.view(np.uint8), two.view(np.uint8))
