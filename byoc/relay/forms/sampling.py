"""Operators that Relax spells with general ones: `nn.upsampling`, `nn.depth_to_space`, `nn.space_to_depth`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from byoc.partition.patterns.ast import Op, Where
from byoc.relay.forms._ask import shape
from byoc.relay.forms._form import Built, Operand, is_stated, real

if TYPE_CHECKING:
    from byoc.relay.expr import Expr
    from byoc.relay.view import View

_METHODS: Final[Mapping[str, str]] = {
    "cubic": "bicubic",
    "linear": "bilinear",
    "nearest_neighbor": "nearest_neighbor",
}
"""Relax's name of a way to sample -> Relay's of `nn.upsampling`."""

_MODES: Final = ("align_corners", "asymmetric")
"""The places that `nn.upsampling` samples at."""


def _scales(graph: Any, node: int) -> tuple[float, float] | None:
    """By how much the `resize2d` at `node` enlarges height and width, None when it is no `nn.upsampling`."""
    from byoc.partition.facts import attributes

    if graph.ops[node] != "image.resize2d":
        return None
    attrs, before = attributes(graph, node), shape(graph, graph.operands[node][0])
    after, layout = shape(graph, node), str(attrs.get("layout"))
    if before is None or after is None or layout not in ("NCHW", "NHWC"):
        return None
    if attrs.get("coordinate_transformation_mode") not in _MODES:
        return None
    ends = [(before[layout.index(axis)], after[layout.index(axis)]) for axis in "HW"]
    if not all(isinstance(dim, int) for pair in ends for dim in pair):
        return None
    (top, high), (left, wide) = ends
    return (high / top, wide / left) if high >= top and wide >= left else None


def _enlarges(graph: Any, node: int) -> bool:
    return _scales(graph, node) is not None


@dataclass(frozen=True)
class Upsampling:
    """`nn.upsampling`: a `resize2d` that enlarges, sampled from the corner on or with corners kept."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """`image.resize2d`."""
        given = None if args is None else tuple(each.pattern for each in args[:1])
        op = Op(("image.resize2d",), given)
        made = real(Where(op, _enlarges, "an enlargement"), args)
        return Built(made, (op,), stated=is_stated(args))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data."""
        return [view.expr(view.graph.operands[node][0])]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """Both factors, layout, method, whether corners are kept."""
        given = view.attributes(node)
        high, wide = _scales(view.graph, node) or (1.0, 1.0)
        kept = given.get("coordinate_transformation_mode") == "align_corners"
        return {
            "scale_h": high,
            "scale_w": wide,
            "layout": given.get("layout"),
            "method": _METHODS.get(str(given.get("method")), given.get("method")),
            "align_corners": kept,
        }


@dataclass(frozen=True)
class Blocks:
    """`nn.depth_to_space` or `nn.space_to_depth` of images in NCHW: `reshape`, `permute_dims`, `reshape`."""

    to_space: bool

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The three ops."""
        data = None if args is None else tuple(each.pattern for each in args[:1])
        turned = Op(("permute_dims",), (Op(("reshape",), data),))
        op = Op(("reshape",), (turned,))
        made = real(Where(op, self._fits, "blocks of pixels"), args)
        return Built(made, (op,), stated=is_stated(args))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data."""
        return [view.expr(_source(view.graph, node))]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """`block_size`, and the order of channels."""
        block, mode = self._read(view.graph, node) or (1, "DCR")
        found = {"block_size": block, "layout": "NCHW"}
        return {**found, "mode": mode} if self.to_space else found

    def _fits(self, graph: Any, node: int) -> bool:
        return self._read(graph, node) is not None

    def _read(self, graph: Any, node: int) -> tuple[int, str] | None:
        """The blocks' size and the order of channels, None when the three ops do something else."""
        from byoc.partition.facts import attributes

        turned = graph.operands[node][0]
        before, after = shape(graph, _source(graph, node)), shape(graph, node)
        apart, axes = shape(graph, graph.operands[turned][0]), attributes(graph, turned).get("axes")
        if before is None or after is None or apart is None or len(before) != 4 or len(after) != 4:
            return None
        if not all(isinstance(dim, int) for dim in (*before, *after, *apart)):
            return None
        small, large = (after, before) if not self.to_space else (before, after)
        block = large[2] // small[2] if small[2] else 0
        for mode, (wanted, order) in _parted(block, small, large, to_space=self.to_space).items():
            if block > 1 and tuple(apart) == wanted and axes == order:
                return block, mode
        return None


def _parted(
    block: int, small: tuple[int, ...], large: tuple[int, ...], *, to_space: bool
) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Mode -> the shape in between and the order of its axes; `small` has the fewer pixels."""
    batch, _, rows, columns = small
    channels = large[1]
    if not to_space:
        return {"": ((batch, channels, rows, block, columns, block), (0, 3, 5, 1, 2, 4))}
    return {
        "DCR": ((batch, block, block, channels, rows, columns), (0, 3, 4, 1, 5, 2)),
        "CRD": ((batch, channels, block, block, rows, columns), (0, 1, 4, 2, 5, 3)),
    }


def _source(graph: Any, node: int) -> int:
    """What the first of the three ops reads."""
    source: int = graph.operands[graph.operands[graph.operands[node][0]][0]][0]
    return source
