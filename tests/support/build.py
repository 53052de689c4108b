"""Tables and facts for the tests of the support room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from byoc.support import BoundTable, Facts, Tensor, load_table

HEAD = "vendor: npu\nversion: 1\n"


def write(folder: Path, text: str, name: str = "support.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def bound(
    folder: Path, body: str, hardware: dict[str, Any] | None = None, **options: Any
) -> BoundTable:
    return load_table(write(folder, HEAD + body)).bind(hardware, options)


def tensor(*shape: int | str | None, dtype: str = "float32", **fields: Any) -> Tensor:
    return Tensor(dtype, shape, **fields)


def constant(data: Any) -> Tensor:
    array = np.asarray(data)
    return Tensor(str(array.dtype), array.shape, value=lambda: array)


def relu(*shape: int | str | None, dtype: str = "float32") -> Facts:
    x = tensor(*shape, dtype=dtype)
    return Facts("nn.relu", {"x": x}, (x,))


def conv2d(
    data: tuple[int | str, ...] = (1, 16, 32, 32),
    weight: tuple[int, ...] = (32, 16, 3, 3),
    *,
    fill: float = 1.0,
    is_constant: bool = True,
    layout: str = "NCHW",
    dtype: str = "float32",
    **attrs: Any,
) -> Facts:
    filled = np.full(weight, fill, dtype)
    weights = constant(filled) if is_constant else tensor(*weight, dtype=dtype)
    given = {"strides": (1, 1), "padding": (1, 1, 1, 1), "dilation": (1, 1), "groups": 1}
    return Facts(
        "nn.conv2d",
        {"data": tensor(*data, dtype=dtype, layout=layout), "weight": weights},
        (tensor(data[0], weight[0], *data[2:], dtype=dtype, layout=layout),),
        {**given, **attrs},
    )
