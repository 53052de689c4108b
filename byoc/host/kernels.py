"""Kernels: how TVM's host code computes the ops whose stock kernel is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tvm import tirx, topi


def _extreme(greatest: bool) -> Callable[..., Any]:
    """A maximum or minimum over axes that is right for infinities; TVM's starts from the last finite number."""
    operation = topi.max if greatest else topi.min

    def lower(builder: Any, call: Any) -> Any:
        axes = None if call.attrs.axis is None else [int(axis) for axis in call.attrs.axis]
        keep = bool(call.attrs.keepdims)

        def reduced(tensor: Any) -> Any:
            found = operation(tensor, axes, keep)
            if tensor.dtype not in ("float16", "float32", "float64"):
                return found
            infinity = -tirx.infinity(tensor.dtype) if greatest else tirx.infinity(tensor.dtype)
            every = topi.all(topi.equal(tensor, infinity), axes, keep)
            return topi.where(every, topi.full_like(found, infinity), found)

        return builder.call_te(reduced, call.args[0])

    return lower


KERNELS: Mapping[str, Callable[..., Any]] = {
    "relax.max": _extreme(greatest=True),
    "relax.min": _extreme(greatest=False),
}
"""What `relax.transform.LegalizeOps` is given beside its own."""
