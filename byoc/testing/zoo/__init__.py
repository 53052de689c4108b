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
    if value.text:
        draw = _page(generator, value.shape)
    elif len(value.shape) == 4:
        draw = 0.9 * _blocks(generator, value.shape, 16) + 0.1 * generator.random(value.shape)
    else:
        draw = generator.random(value.shape)
    scaled = value.low + (value.high - value.low) * draw
    return np.asarray(scaled).astype(value.dtype)


def _blocks(
    generator: np.random.Generator, shape: tuple[int, ...], size: int
) -> npt.NDArray[np.float64]:
    """Draw one value for each square of `size` pixels."""
    *planes, height, width = shape
    coarse = generator.random((*planes, -(-height // size), -(-width // size)))
    return coarse.repeat(size, axis=-2).repeat(size, axis=-1)[..., :height, :width]


def _page(generator: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Draw lines of 24 pixels with marks, one line in 48, the same in every channel."""
    height, width = shape[2:]
    marks = _blocks(generator, (height, width), 4) < 0.5
    lines = (np.arange(height) % 48 < 24)[:, np.newaxis]
    return np.broadcast_to(np.where(marks & lines, 0.0, 1.0), shape)
