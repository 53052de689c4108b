"""Context: what a converter sees of the node it converts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import onnx

from byoc.frontends.onnx.emit import Emitter
from byoc.frontends.onnx.types import TensorSpec, dtype_of, plain_dim, spec_of
from byoc.frontends.onnx.values import Array, Value


class Decline(Exception):  # noqa: N818 (a verdict, not an error)
    """A converter does not take this node; the message is the reason that reports give for the host call."""


@dataclass(frozen=True, slots=True)
class Context:
    """One ONNX node on its way into Relax.

    `version` is the schema's since-version under the model's opset, `attrs` are plain Python with the schema's
    defaults, `values` the inputs (None for absent ones), `read` makes Relax expressions of them. `specs` is what
    ONNX's inference says of each output up to the last that is read; there are `wanted` of these.
    """

    node: onnx.NodeProto
    version: int
    attrs: dict[str, Any]
    values: Sequence[Value | None]
    read: Callable[[Value], Any]
    specs: Sequence[TensorSpec | None]
    emitter: Emitter
    opset: int
    wanted: int

    def arg(self, index: int) -> Any:
        """The Relax expression of an input, None when it is absent."""
        return self.read(value) if (value := self._value(index)) is not None else None

    def _value(self, index: int) -> Value | None:
        return self.values[index] if index < len(self.values) else None

    @property
    def builder(self) -> Any:
        """The block builder that expressions are emitted into."""
        return self.emitter.builder

    @property
    def args(self) -> list[Any]:
        """All inputs as Relax expressions."""
        return [self.arg(index) for index in range(len(self.values))]

    def array(self, index: int) -> Array | None:
        """The data of a constant input, None when it is absent or no constant."""
        value = self._value(index)
        return None if value is None else value.array

    def has(self, index: int) -> bool:
        """Whether an optional input is given."""
        return self._value(index) is not None

    def constant(self, index: int, what: str) -> Array:
        """The data of an input that must be constant; Decline when it is not."""
        array = self.array(index)
        if array is None:
            raise Decline(f"{what} is computed by the model")
        return array

    def elements(self, index: int, what: str) -> tuple[Any, ...]:
        """The elements of a shape-like input as integers and expressions; Decline when they are not known."""
        value = self._value(index)
        known = None if value is None else value.elements()
        if known is None:
            raise Decline(f"{what} is computed by the model")
        return known

    def dims(self, index: int) -> list[Any]:
        """The dims of an input as integers and variables; Decline when the rank is unknown."""
        ty = self.arg(index).ty
        if ty.shape is None:
            raise Decline("the shape of its input is not known")
        return [self.emitter.simplify(dim) for dim in ty.shape.values]

    def rank(self, index: int) -> int:
        """The rank of an input; Decline when it is unknown."""
        rank = self.arg(index).ty.ndim
        if rank < 0:
            raise Decline("the rank of its input is not known")
        return int(rank)

    def dtype(self, index: int) -> str:
        """The dtype of an input."""
        return dtype_of(self.arg(index).ty)

    def dtypes(self) -> list[str]:
        """The dtypes of all inputs and outputs that are known."""
        inputs = [spec_of(value.type) for value in self.values if value is not None]
        return [each.dtype for each in [*inputs, *self.specs] if each is not None]

    def is_empty(self) -> bool:
        """Whether an input or output is known to have no elements."""
        inputs = [
            spec_of(value.type)
            for value in self.values
            if value is not None and value.array is None
        ]
        return any(each is not None and 0 in (each.shape or ()) for each in [*inputs, *self.specs])

    def axis(self, axis: int, rank: int) -> int:
        """A non-negative axis."""
        return axis + rank if axis < 0 else axis


def static(dims: Sequence[Any]) -> bool:
    """Whether all dims are integers."""
    return all(isinstance(plain_dim(dim), int) for dim in dims)
