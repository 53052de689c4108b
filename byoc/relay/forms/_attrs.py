"""Attributes of one Relax op in Relay's names, with those that Relay has besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from byoc.relay.names import Name

if TYPE_CHECKING:
    from byoc.relay.view import View


def of_op(view: View, node: int, row: Name) -> dict[str, Any]:
    """The attributes of the call `node` as Relay's operator `row` has them."""
    given = dict(view.attributes(node))
    renamed = {relax: relay for relay, relax in row.attrs.items()}
    attrs = {renamed.get(name, name): value for name, value in given.items()}
    if "out_dtype" in attrs:
        attrs["out_dtype"] = attrs["out_dtype"] or ""
    layout = attrs.get("data_layout", attrs.get("layout"))
    if "out_layout" in attrs and attrs["out_layout"] in (layout, None):
        attrs["out_layout"] = ""
    further = _FURTHER.get(row.relax)
    return attrs if further is None else further(view, node, attrs)


def _conv(view: View, node: int, attrs: dict[str, Any]) -> dict[str, Any]:
    """`channels` and `kernel_size`, which Relax reads off the weight."""
    weight = view.shape(view.graph.operands[node][1]) or ()
    layout = str(attrs.get("kernel_layout", ""))
    spatial = [weight[at] for at, axis in enumerate(layout) if axis in "DHW" and at < len(weight)]
    out = view.shape(node) or ()
    place = str(attrs.get("data_layout", "NCHW")).find("C")
    return {
        **attrs,
        "channels": out[place] if len(out) > place else None,
        "kernel_size": tuple(spatial),
    }


def _reduce(_: View, __: int, attrs: dict[str, Any]) -> dict[str, Any]:
    return {**attrs, "exclude": False}


def _pad(_: View, __: int, attrs: dict[str, Any]) -> dict[str, Any]:
    """Pairs of one axis each; the value is an operand in Relay."""
    flat = attrs.get("pad_width") or ()
    pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
    mode = attrs.get("pad_mode", "constant")
    return {"pad_width": pairs, "pad_mode": "edge" if mode == "replicate" else mode}


def _expand_dims(view: View, node: int, attrs: dict[str, Any]) -> dict[str, Any]:
    """A run of new axes by its first; axes that are none stay as they are."""
    axes = attrs.get("axis") or (0,)
    axes = axes if isinstance(axes, tuple) else (axes,)
    rank = len(view.shape(node) or ())
    found = sorted(axis % rank if rank else axis for axis in axes)
    if found != list(range(found[0], found[0] + len(found))):
        return attrs
    return {"axis": found[0], "num_newaxis": len(found)}


def _typed(view: View, node: int, attrs: dict[str, Any]) -> dict[str, Any]:
    """The dtype of the result, which Relax reads off the operands."""
    return {**attrs, "dtype": view.type(node).dtype}


def _ordered(_: View, __: int, attrs: dict[str, Any]) -> dict[str, Any]:
    """`sort`, `argsort` and `topk` say which way."""
    falls = attrs.pop("largest") if "largest" in attrs else attrs.pop("descending", False)
    return {**attrs, "is_ascend": not falls}


def _layer_norm(_: View, __: int, attrs: dict[str, Any]) -> dict[str, Any]:
    axes = attrs.pop("axes", None) or (-1,)
    return {**attrs, "axis": axes[0]}


_FURTHER: Final[Mapping[str, Callable[[View, int, dict[str, Any]], dict[str, Any]]]] = {
    **dict.fromkeys(("nn.conv1d", "nn.conv2d", "nn.conv3d"), _conv),
    **dict.fromkeys(("nn.conv1d_transpose", "nn.conv2d_transpose", "nn.conv3d_transpose"), _conv),
    **dict.fromkeys(("max", "mean", "min", "prod", "sum", "variance"), _reduce),
    **dict.fromkeys(("argsort", "sort", "topk"), _ordered),
    **dict.fromkeys(("cumprod", "cumsum", "one_hot"), _typed),
    "expand_dims": _expand_dims,
    "nn.layer_norm": _layer_norm,
    "nn.pad": _pad,
}
