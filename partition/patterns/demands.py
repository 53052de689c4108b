"""What `has_dtype` and `has_shape` ask of a matched value: predicates for `Where`, comparable and picklable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from byoc.support.facts import Dim


@dataclass(frozen=True, slots=True)
class HasDtype:
    """The value is a tensor of `dtype`."""

    dtype: str

    def __call__(self, graph: Any, node: int) -> bool:
        """Look at node `node` of the graph."""
        from byoc.partition.facts import tensor

        return tensor(graph, node).dtype == self.dtype


@dataclass(frozen=True, slots=True)
class HasShape:
    """The value is a tensor of `shape`, in which None is any extent."""

    shape: tuple[Dim, ...]

    def __call__(self, graph: Any, node: int) -> bool:
        """Look at node `node` of the graph."""
        from byoc.partition.facts import tensor

        given = tensor(graph, node).shape
        if given is None or len(given) != len(self.shape):
            return False
        return all(want in (None, has) for want, has in zip(self.shape, given, strict=True))


def words(shape: tuple[Dim, ...]) -> str:
    """Write a shape as messages do: `(1, n, ?)`."""
    return f"({', '.join('?' if dim is None else str(dim) for dim in shape)})"
