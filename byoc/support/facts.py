"""What a rule of a support table may look at: the tensors and attributes of one op, pattern match or ONNX group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Dim: TypeAlias = int | str | None
"""A dimension: an extent, the name of a symbolic variable (or expression text), or None when nothing is known."""

Attribute: TypeAlias = "bool | int | float | str | tuple[Attribute, ...] | None"
"""An attribute's value as plain Python; lists are tuples, dtypes are strings."""


@dataclass(frozen=True, slots=True)
class Quant:
    """Quantisation parameters of a stored integer tensor, as ONNX's DequantizeLinear states them.

    `scale` and `zero_point` are plain floats and ints, or tuples of them along `axis` (None for per-tensor).
    """

    scale: float | tuple[float, ...]
    zero_point: int | tuple[int, ...]
    axis: int | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as rules see it.

    `shape` is None when even the rank is unknown. `layout` is the op's own name for it (`NCHW`), else None.
    `value` reads a constant's data and is None for anything else. `quant` is set when the tensor is the stored
    form behind a `dequantize` or `quantize` that belongs to the match (a `qdq: true` row).
    """

    dtype: str
    shape: tuple[Dim, ...] | None
    layout: str | None = None
    quant: Quant | None = None
    value: Callable[[], npt.NDArray[np.generic]] | None = None

    @property
    def constant(self) -> bool:
        """Whether the data is known when the model is partitioned."""
        return self.value is not None


Input: TypeAlias = "Tensor | tuple[Tensor, ...] | None"
"""One named input: a tensor, the tensors of a tuple (`concat`), or None for an absent optional input."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One op, pattern match or ONNX group, as rules see it.

    `inputs` has the operands that hold tensors, by Relax's argument names (ONNX's for a group; for a pattern the
    wildcards and named values). `attrs` has the attributes and every operand that holds no tensor (the bounds of
    `clip`, the shape of `reshape`) by its argument name. `inner` are the names in `inputs` that stand for values
    inside a pattern's match: rules may name them, but `dtypes`, `rank` and other general demands do not hold them.
    """

    op: str
    inputs: Mapping[str, Input]
    outputs: tuple[Tensor, ...]
    attrs: Mapping[str, Attribute] = field(default_factory=dict)
    inner: frozenset[str] = frozenset()
