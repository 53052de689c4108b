"""What names stand for while Relay becomes Relax: Relax expressions, closures, and quantised accumulators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import tvm
from tvm import ir, relax

from byoc.frontends.relay import ast

if TYPE_CHECKING:
    from byoc.frontends.relay.ndarray import Array


@dataclass(frozen=True, slots=True, eq=False)
class Accumulator:
    """An integer tensor of a quantised network that stands for `real`, a float tensor.

    The integers are `real / scale + zero_point`; `scale` and `zero_point` are arrays of rank 0, or of rank 1 along
    `axis`. They are made only when an operator reads them that has no quantised form.
    """

    real: Any
    scale: Array
    zero_point: Array
    axis: int
    dtype: str

    def is_stored_as(self, scale: Array, zero_point: Array) -> bool:
        """Whether scale, within rounding, and zero point are these."""
        return (
            self.scale.size == scale.size
            and np.allclose(self.scale.reshape(-1), scale.reshape(-1), rtol=1e-6, atol=0.0)
            and np.array_equal(self.zero_point.reshape(-1), zero_point.reshape(-1))
        )

    def along(self, rank: int) -> tuple[Array, Array]:
        """Scale and zero point in a shape that broadcasts against a tensor of `rank`."""
        shape = [1] * rank
        if rank:
            shape[self.axis] = -1
        return tuple(
            each.reshape(shape) if each.ndim and each.size > 1 else each.reshape(())
            for each in (self.scale, self.zero_point)
        )  # type: ignore[return-value]  # two of two


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A function that a name stands for; calling it puts its body there."""

    function: ast.Function
    names: Mapping[str, Value]


class Fields(tuple["Value", ...]):
    """The items of a tuple that is written; `leaves` and `depth` are those of the tuples in it, written out."""

    leaves: int
    depth: int

    def __new__(cls, fields: Iterable[Value]) -> Fields:
        """Keep the items, and count."""
        made = super().__new__(cls, fields)
        inner = [each for each in made if isinstance(each, Fields)]
        made.leaves = len(made) - len(inner) + sum(each.leaves for each in inner)
        made.depth = 1 + max((each.depth for each in inner), default=0)
        return made


Value: TypeAlias = "Any | Accumulator | Closure | tuple[Value, ...]"


def constant(array: Array) -> Any:
    """Make a Relax constant."""
    return relax.const(tvm.runtime.tensor(np.ascontiguousarray(array).reshape(array.shape)))


def array_of(expr: Any) -> Array | None:
    """The data of a Relax constant, None for anything else."""
    if not isinstance(expr, ir.GenericConst):
        return None
    data: Array = expr.value.numpy()
    return data
