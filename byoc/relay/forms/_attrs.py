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
    return {"pad_width": pairs, "pad_mode": attrs.get("pad_mode", "constant")}


def _layer_norm(_: View, __: int, attrs: dict[str, Any]) -> dict[str, Any]:
    axes = attrs.pop("axes", None) or (-1,)
    return {**attrs, "axis": axes[0]}


_FURTHER: Final[Mapping[str, Callable[[View, int, dict[str, Any]], dict[str, Any]]]] = {
    **dict.fromkeys(("nn.conv1d", "nn.conv2d", "nn.conv3d"), _conv),
    **dict.fromkeys(("nn.conv1d_transpose", "nn.conv2d_transpose", "nn.conv3d_transpose"), _conv),
    **dict.fromkeys(("max", "mean", "min", "prod", "sum", "variance"), _reduce),
    "nn.layer_norm": _layer_norm,
    "nn.pad": _pad,
}
