"""Pools and resizing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation
from byoc.frontends.relay.ops.reductions import mean_along
from byoc.frontends.relay.values import Accumulator, Value

FAMILY = Family("Pools and images")

_LAYOUTS = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def _on_real(op: Operation, make: Callable[[Any], Any], word: str) -> Value:
    """Apply a mean of elements; of an accumulator with one scale, to what it stands for."""
    value = op.args[0]
    if isinstance(value, Accumulator) and value.scale.size == 1:
        real = op.bind(make(value.real), word)
        return Accumulator(real, value.scale, value.zero_point, 0, value.dtype)
    return make(op.expr())


def _window(op: Operation, rank: int) -> dict[str, Any]:
    names = ("pool_size", "strides", "dilation", "padding", "ceil_mode", "layout")
    _check_layouts(op, rank)
    if len(op["padding"]) not in (1, rank, 2 * rank):
        op.misfit(f"padding {op['padding']} of {rank} axes")
    return {name: op[name] for name in names}


def _check_layouts(op: Operation, rank: int) -> None:
    """Layouts without blocks alone. Raises Misfit."""
    letters = sorted(_LAYOUTS[rank])
    for given in (op["layout"], op["out_layout"] or op["layout"]):
        if sorted(given) != letters:
            op.misfit(f"layout {given!r}")


def _laid_out(op: Operation, made: Any, word: str) -> Any:
    """The result in the layout that is asked for."""
    have, want = op["layout"], op["out_layout"]
    if want in ("", have):
        return made
    return relax.op.permute_dims(op.bind(made, word), [have.index(axis) for axis in want])


def _pools(rank: int) -> None:
    ones = (1,) * rank
    defaults: dict[str, Any] = {
        "pool_size": ones,
        "strides": ones,
        "dilation": ones,
        "padding": (0,) * rank,
        "layout": _LAYOUTS[rank],
        "out_layout": "",
        "ceil_mode": False,
    }

    @FAMILY.operator(f"nn.max_pool{rank}d", f"`nn.max_pool{rank}d`", **defaults)
    def largest(op: Operation) -> Any:
        made = getattr(relax.op.nn, f"max_pool{rank}d")(op.expr(), **_window(op, rank))
        return _laid_out(op, made, "pool")

    @FAMILY.operator(
        f"nn.avg_pool{rank}d", f"`nn.avg_pool{rank}d`", count_include_pad=False, **defaults
    )
    def mean(op: Operation) -> Value:
        make = getattr(relax.op.nn, f"avg_pool{rank}d")
        extra = {"count_include_pad": op["count_include_pad"], **_window(op, rank)}

        def pool(data: Any) -> Any:
            made = _without_fraction(op, data, lambda wide: make(wide, **extra))
            return _laid_out(op, made, "pool")

        return _on_real(op, pool, "pool")


def _without_fraction(op: Operation, data: Any, make: Callable[[Any], Any]) -> Any:
    """A mean; of integers it has their dtype and no fraction, and TVM's kernels have no such mean."""
    dtype = str(data.ty.dtype)
    if dtype.startswith(("float", "bfloat")):
        return make(data)
    wide = op.bind(relax.op.astype(data, "float64"), "wide")
    whole = op.bind(relax.op.trunc(op.bind(make(wide), "pool")), "trunc")
    return relax.op.astype(whole, dtype)


def _spatial(op: Operation, rank: int) -> list[int]:
    _check_layouts(op, rank)
    return [axis for axis, letter in enumerate(op["layout"]) if letter not in "NC"]


def _global_pools(rank: int) -> None:
    defaults: dict[str, Any] = {"layout": _LAYOUTS[rank], "out_layout": ""}

    @FAMILY.operator(f"nn.global_avg_pool{rank}d", "`mean`", **defaults)
    def mean(op: Operation) -> Value:
        axes = _spatial(op, rank)

        def make(data: Any) -> Any:
            op.ranked(data, rank + 2)
            return _laid_out(op, mean_along(op, data, axes, keepdims=True), "mean")

        return _on_real(op, make, "mean")

    @FAMILY.operator(f"nn.global_max_pool{rank}d", "`max`", **defaults)
    def largest(op: Operation) -> Any:
        data = op.expr()
        op.ranked(data, rank + 2)
        return _laid_out(op, relax.op.max(data, _spatial(op, rank), keepdims=True), "max")


def _output_size(op: Operation, rank: int, data: Any) -> list[Any]:
    """The extents asked for: all of them, one for every axis, or those of the data where none is stated."""
    dims = op.ranked(data, rank + 2)
    have = [dims[axis] for axis in _spatial(op, rank)]
    size = op["output_size"] or ()
    asked = size * rank if len(size) == 1 else size or (None,) * rank
    if len(asked) != rank or any(each is not None and each < 1 for each in asked):
        op.misfit(f"output_size {size} of {rank} axes")
    want = [whole if each is None else each for each, whole in zip(asked, have, strict=True)]
    if not all(isinstance(each, int) for each in want):
        op.misfit(f"output_size {size} of a symbolic shape")
    return want


def _adaptive_pools(rank: int) -> None:
    defaults: dict[str, Any] = {"output_size": None, "layout": _LAYOUTS[rank], "out_layout": ""}

    @FAMILY.operator(f"nn.adaptive_avg_pool{rank}d", f"`nn.adaptive_avg_pool{rank}d`", **defaults)
    def mean(op: Operation) -> Value:
        pool = getattr(relax.op.nn, f"adaptive_avg_pool{rank}d")

        def make(data: Any) -> Any:
            op.ranked(data, rank + 2)
            _check_layouts(op, rank)
            if not op["output_size"]:
                return _laid_out(op, data, "pool")
            size = tuple(_output_size(op, rank, data))
            made = _without_fraction(op, data, lambda wide: pool(wide, size, layout=op["layout"]))
            return _laid_out(op, made, "pool")

        return _on_real(op, make, "pool")

    @FAMILY.operator(
        f"nn.adaptive_max_pool{rank}d",
        f"`nn.max_pool{rank}d`; `max` of slices where windows differ in size",
        **defaults,
    )
    def largest(op: Operation) -> Any:
        data = op.expr()
        op.ranked(data, rank + 2)
        _check_layouts(op, rank)
        if not op["output_size"]:
            return _laid_out(op, data, "pool")
        dims = op.static(data)
        want = _output_size(op, rank, data)
        spatial = _spatial(op, rank)
        have = [dims[axis] for axis in spatial]
        if not any(whole % each for each, whole in zip(want, have, strict=True)):
            window = [whole // each for each, whole in zip(want, have, strict=True)]
            make = getattr(relax.op.nn, f"max_pool{rank}d")
            made = make(data, window, window, (0,) * rank, layout=op["layout"])
            return _laid_out(op, made, "pool")
        for axis, size in zip(spatial, want, strict=True):
            data = op.bind(_largest_along(op, data, axis, size), "pool")
        return _laid_out(op, data, "pool")


def _largest_along(op: Operation, data: Any, axis: int, size: int) -> Any:
    """The largest of `size` windows of one axis; they overlap where it does not divide the extent."""
    whole = op.static(data)[axis]
    if size > 64:
        op.misfit("its windows are not all of one size, and more than 64")
    found = []
    for index in range(size):
        begin, end = index * whole // size, -(-(index + 1) * whole // size)
        part = op.bind(relax.op.strided_slice(data, [axis], [begin], [end]), "window")
        found.append(op.bind(relax.op.max(part, [axis], keepdims=True), "max"))
    return relax.op.concat(found, axis)


def _old_adaptive_pools() -> None:
    for kind in ("avg", "max"):
        row = FAMILY.rows[f"nn.adaptive_{kind}_pool2d"]
        FAMILY.operator(f"contrib.adaptive_{kind}_pool2d", row.form, **row.defaults)(row.convert)


for _rank in (1, 2, 3):
    _pools(_rank)
    _global_pools(_rank)
    _adaptive_pools(_rank)
_old_adaptive_pools()


@FAMILY.operator(
    "image.resize2d",
    "`image.resize2d`",
    arguments=(1, 3),
    size=None,
    roi=None,
    layout="NCHW",
    method="linear",
    coordinate_transformation_mode="half_pixel",
    rounding_method="round",
    cubic_alpha=-0.5,
    cubic_exclude=0,
    extrapolation_value=0.0,
    out_dtype="",
)
def resize2d(op: Operation) -> Any:
    """Another size of an image, where the size is an attribute or a constant."""
    size, roi = op["size"], op["roi"] or (0.0,) * 4
    if len(op.args) > 1:
        size = tuple(op.integers(1, "its size"))
    if len(op.args) > 2 and op.array(2, "its region").size == 4:
        roi = tuple(float(each) for each in op.array(2, "its region").reshape(-1))
    return _resized(op, op.expr(0), size, roi, op["coordinate_transformation_mode"])


@FAMILY.operator(
    "image.resize",
    "`image.resize2d`",
    size=None,
    layout="NCHW",
    method="bilinear",
    coordinate_transformation_mode="half_pixel",
    rounding_method="",
    bicubic_alpha=-0.5,
    bicubic_exclude=0,
    align_corners=None,
    out_dtype="",
)
def resize(op: Operation) -> Any:
    """What TVM before 0.8 called `image.resize2d`; 0.6 had `align_corners`, true unless it is written."""
    mode = op["coordinate_transformation_mode"]
    if op["align_corners"] is not None:
        mode = "align_corners" if op["align_corners"] else "asymmetric"
    return _resized(op, op.expr(), op["size"], (0.0,) * 4, mode)


_METHODS = {
    "nearest_neighbor": "nearest_neighbor",
    "linear": "linear",
    "bilinear": "linear",
    "cubic": "cubic",
    "bicubic": "cubic",
}


def _resized(op: Operation, data: Any, size: Any, roi: tuple[float, ...], mode: str) -> Any:
    layout = op["layout"]
    if (
        not isinstance(size, tuple)
        or len(size) != 2
        or min(size) < 1
        or max(size) >= 2**31
        or len(roi) != 4
    ):
        op.misfit(f"size {size} and region {roi}")
    if layout not in ("NCHW", "NHWC") or op["method"] not in _METHODS:
        op.misfit(f"method {op['method']!r} of layout {layout!r}")
    op.ranked(data, 4)
    data, attrs = _of_dtype(op, data), op.attrs
    made = relax.op.image.resize2d(
        data,
        size,
        tuple(float(each) for each in roi),
        layout=layout,
        method=_METHODS[op["method"]],
        coordinate_transformation_mode=mode,
        rounding_method=rounding_of(op["method"], mode, op["rounding_method"]),
        cubic_alpha=float(attrs.get("cubic_alpha", attrs.get("bicubic_alpha"))),
        cubic_exclude=int(attrs.get("cubic_exclude", attrs.get("bicubic_exclude"))),
        extrapolation_value=float(attrs.get("extrapolation_value", 0.0)),
    )
    wanted = op["out_dtype"]
    if wanted in ("", str(data.ty.dtype)):
        return made
    return relax.op.astype(op.bind(made, "resized"), wanted)


def _of_dtype(op: Operation, data: Any) -> Any:
    """Integers that become floats do so before: their interpolation is not rounded."""
    wanted, have = op["out_dtype"], str(data.ty.dtype)
    if wanted.startswith("float") and not have.startswith("float"):
        return op.bind(relax.op.astype(data, wanted), "wide")
    return data


def rounding_of(method: str, mode: str, rounding: str) -> str:
    """Relay's `round` of a coordinate takes halves away from zero, Relax's to the even one.

    The coordinates are none below -0.5, and -0.5 is the first point in either way.
    """
    if method != "nearest_neighbor":
        return rounding
    if rounding == "round" or (rounding == "" and mode == "align_corners"):
        return "round_prefer_ceil"
    return rounding


@FAMILY.operator(
    "nn.upsampling",
    "`image.resize2d`",
    scale_h=1.0,
    scale_w=1.0,
    layout="NCHW",
    method="nearest_neighbor",
    align_corners=False,
)
def upsampling(op: Operation) -> Any:
    """An image larger by two factors."""
    data, layout, method = op.expr(), op["layout"], op["method"]
    if method not in _METHODS or layout not in ("NCHW", "NHWC"):
        op.misfit(f"method {method!r} of layout {layout!r}")
    op.ranked(data, 4)
    dims = op.static(data)
    size = tuple(round(dims[layout.index(axis)] * op[f"scale_{axis.lower()}"]) for axis in "HW")
    if not all(1 <= each < 2**31 for each in size):
        op.misfit(f"size {size}")
    mode = "align_corners" if op["align_corners"] else "asymmetric"
    return relax.op.image.resize2d(
        data,
        size,
        layout=layout,
        method=_METHODS[method],
        coordinate_transformation_mode=mode,
        rounding_method=rounding_of(method, mode, ""),
        cubic_alpha=-0.5,
    )
