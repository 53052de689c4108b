"""Random weights that depend on nothing but a tensor's name and role.

Every draw is uniform, because numpy keeps the stream of `Generator.random` stable where it may change that of the
normal distribution; the seed is the checksum of the tensor's name, so that adding a tensor to a model changes no
other.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def uniform(name: str, shape: Sequence[int], low: float, high: float) -> npt.NDArray[np.float32]:
    """Return float32 values in [low, high) of `shape`, the same ones for the same `name`."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    values = generator.random(tuple(shape), dtype=np.float32)
    values *= np.float32(high - low)
    values += np.float32(low)
    return values


def he_uniform(
    name: str, shape: Sequence[int], fan_in: int, gain: float = 1.0
) -> npt.NDArray[np.float32]:
    """Return float32 weights that keep the second moment through a ReLU (He et al., arXiv:1502.01852, eq. 10)."""
    limit = gain * math.sqrt(6.0 / fan_in)
    return uniform(name, shape, -limit, limit)


def centred(name: str, shape: Sequence[int], gain: float = 1.0) -> npt.NDArray[np.float32]:
    """Return float32 weights, output features first, whose every filter sums to zero over several channels.

    What a ReLU gives is positive, and a random filter turns that common part into a constant, until after a few
    dozen layers all inputs look alike. A filter that sums to zero removes it; 1.21 makes up for the variance lost
    with it (a half-normal's second moment is 0.5, its variance 0.34). Filters of one channel stay as drawn: they
    would become edge detectors that see nothing in a smooth image.
    """
    fan_in = math.prod(shape[1:])
    if shape[1] == 1:
        return he_uniform(name, shape, fan_in, gain)
    weights = he_uniform(name, shape, fan_in, 1.21 * gain).reshape(shape[0], fan_in)
    weights -= weights.mean(axis=1, keepdims=True)
    return weights.reshape(tuple(shape))
