"""When a number in a pattern is the number that a constant holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TOLERANCE: Final = 1e-5
"""How far two numbers may lie apart, relative to the pattern's: TVM keeps many in 32 bits."""


def tolerance(dtype: np.dtype[Any]) -> float:
    """The tolerance for constants of `dtype`: `TOLERANCE`, or the spacing of its numbers where that is coarser.

    0.044715 is 0.04471 in float16, 7e-5 away.
    """
    import ml_dtypes

    try:
        return max(TOLERANCE, float(ml_dtypes.finfo(dtype).eps))
    except ValueError:  # an integer
        return TOLERANCE


def agrees(found: float, wanted: float, within: float = TOLERANCE) -> bool:
    """Whether `found` is the pattern's number `wanted`; 0 is 0 alone."""
    return abs(found - wanted) <= within * abs(wanted)


def uniform(data: npt.NDArray[np.generic]) -> tuple[float, float] | None:
    """The one number that `data` holds everywhere and the tolerance of its dtype; None when it holds several."""
    flat = data.reshape(-1)
    if not flat.size or flat.dtype.kind not in "biufV":
        return None
    first, within = float(flat[0]), tolerance(flat.dtype)
    spread = abs(flat.astype("float64") - first)
    return (first, within) if spread.max() <= within * abs(first) else None
