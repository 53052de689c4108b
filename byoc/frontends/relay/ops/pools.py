"""Pools: means and largest of windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation
from byoc.frontends.relay.ops.reductions import mean_along
from byoc.frontends.relay.values import Accumulator, Value

FAMILY = Family("Pools")

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
