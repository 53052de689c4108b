"""The zoo: real architectures without the network.

`load("resnet50")` gives an ONNX model, the same one every time; on the command line it is `zoo:resnet50`.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from byoc.errors import UsageError, nearest
from byoc.testing.zoo._catalogue import CATALOGUE, ZooInput, ZooModel

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

__all__ = ["ZooInput", "ZooModel", "describe", "load", "names", "zoo_inputs"]


def names() -> tuple[str, ...]:
    """The names of all zoo models, those included whose package is not installed."""
    return tuple(CATALOGUE)


def describe(name: str) -> ZooModel:
    """What is known of the model `name` without loading it. Raises UsageError for an unknown name."""
    if name not in CATALOGUE:
        known = ", ".join(CATALOGUE)
        raise UsageError(f"no zoo model {name!r}{nearest(name, CATALOGUE)} (there are {known})")
    return CATALOGUE[name]


def load(name: str) -> onnx.ModelProto:
    """Return the zoo model `name`, byte for byte the same every time.

    Input shapes are bound, but for `silero-vad`, which has a branch for windows of another size.

    Raises UsageError for an unknown name, and for a model whose package is not installed.
    """
    return describe(name).load()


def zoo_inputs(name: str, seed: int = 0) -> dict[str, npt.NDArray[np.generic]]:
    """Return inputs for the zoo model `name` in the shapes and dtypes of its graph; other seeds, other values.

    Images are smooth, as real ones are: a deep network tells two samples of white noise hardly apart. Raises
    UsageError for an unknown name.
    """
    return {each.name: _values(each, seed) for each in describe(name).inputs}


def _values(value: ZooInput, seed: int) -> npt.NDArray[np.generic]:
    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(value.name.encode())]))
    draw = generator.random(value.shape)
    if len(value.shape) == 4:
        height, width = value.shape[2:]
        coarse = generator.random((*value.shape[:2], -(-height // 16), -(-width // 16)))
        smooth = coarse.repeat(16, axis=2).repeat(16, axis=3)[:, :, :height, :width]
        draw = 0.9 * smooth + 0.1 * draw
    scaled = value.low + (value.high - value.low) * draw
    return np.asarray(scaled).astype(value.dtype)
