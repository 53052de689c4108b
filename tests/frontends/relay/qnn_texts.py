"""Quantised networks as Relay's frontends and passes write them (tests/data/relay), with random weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.conftest import ROOT
from tests.frontends.relay.qnn_arithmetic import Array


@dataclass(frozen=True)
class Network:
    """A text, its constants, and the shape and dtype of its one input `%x`."""

    text: str
    constants: dict[str, Array]
    shape: tuple[int, ...]
    dtype: str

    def image(self, seed: int) -> Array:
        """An input."""
        random = np.random.default_rng(seed)
        if self.dtype == "float32":
            return random.normal(size=self.shape).astype(np.float32)
        limits = np.iinfo(self.dtype)
        return random.integers(limits.min, limits.max + 1, self.shape).astype(self.dtype)


def _weights(random: np.random.Generator, dtype: str, *shape: int) -> Array:
    centre = 128 if dtype == "uint8" else 0
    return np.clip(random.normal(centre, 40, shape), *_range(dtype)).astype(dtype)


def _range(dtype: str) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _network(name: str, constants: dict[str, Array], shape: Any, dtype: str) -> Network:
    text = (ROOT / "tests" / "data" / "relay" / f"qnn_{name}.relay").read_text()
    return Network(text, constants, shape, dtype)


def residual() -> Network:
    """Scales for each channel, a depthwise layer, a sum, pools, a row of two, a dense layer, a softmax."""
    random = np.random.default_rng(1)
    constants = {
        "w0": _weights(random, "int8", 8, 3, 3, 3),
        "s0": random.uniform(0.004, 0.01, 8).astype(np.float32),
        "b0": random.integers(-2000, 2000, 8).astype(np.int32),
        "w1": _weights(random, "int8", 8, 1, 3, 3),
        "s1": random.uniform(0.004, 0.01, 8).astype(np.float32),
        "w2": _weights(random, "int8", 8, 8, 1, 1),
        "b2": random.integers(-2000, 2000, 8).astype(np.int32),
        "w3": _weights(random, "int8", 10, 16),
        "s3": random.uniform(0.004, 0.01, 10).astype(np.float32),
        "b3": random.integers(-500, 500, 10).astype(np.int32),
    }
    constants |= {
        f"m{index}": np.asarray(constants[f"s{index}"] * np.float32(step))
        for index, step in ((0, 0.02), (1, 0.03), (3, 0.05))
    }
    return _network("residual", constants, (1, 3, 16, 16), "float32")


def mobile() -> Network:
    """As the TFLite frontend writes it: uint8, NHWC, HWIO and HWOI, weights with zero points, means in 32 bits."""
    random = np.random.default_rng(2)
    constants = {
        "w0": _weights(random, "uint8", 3, 3, 3, 8),
        "b0": random.integers(-3000, 3000, 8).astype(np.int32),
        "w1": _weights(random, "uint8", 3, 3, 8, 1),
        "b1": random.integers(-3000, 3000, 8).astype(np.int32),
        "w2": _weights(random, "uint8", 1, 1, 8, 12),
        "b2": random.integers(-3000, 3000, 12).astype(np.int32),
        "w3": _weights(random, "uint8", 7, 12),
        "b3": random.integers(-3000, 3000, 7).astype(np.int32),
    }
    return _network("mobile", constants, (1, 16, 16, 3), "uint8")


def attention() -> Network:
    """Products of activations, a softmax between them, a gate, a slope, a difference."""
    random = np.random.default_rng(3)
    constants = {
        "wq": _weights(random, "int8", 8, 8),
        "wk": _weights(random, "int8", 8, 8),
        "wg": _weights(random, "int8", 8, 8),
    }
    return _network("attention", constants, (12, 8), "float32")


NETWORKS = {"residual": residual, "mobile": mobile, "attention": attention}
