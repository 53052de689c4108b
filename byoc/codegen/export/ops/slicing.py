"""Slices and triangles."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter


def strided_slice(call: Call) -> str:
    """Slice; both clamp bounds to the extent."""
    axes, begin, end = (call.dims_of(index) for index in (1, 2, 3))
    strides = call.dims_of(4) if len(call.expr.args) > 4 else [1] * len(axes)
    if not axes:
        return call[0]
    return call.emit("Slice", call[0], *[call.vector(each) for each in (begin, end, axes, strides)])


def dynamic_strided_slice(call: Call) -> str:
    """Slice of all axes, its bounds computed."""
    axes = call.vector(list(range(call.rank())))
    begin, end, strides = (call.cast(call[each], "int64", call.dtype(each)) for each in (1, 2, 3))
    return call.emit("Slice", call[0], begin, end, axes, strides)


def slice_scatter(call: Call) -> str:
    """The rows that the slice names, written over: ScatterND of transposed tensors."""
    axis, dims = call.axis(call.attrs.axis, call.rank()), call.shape()
    bounds = [call.number(index) for index in (2, 3, 4)]
    if not all(isinstance(each, int) for each in [*bounds, dims[axis]]):
        call.decline("what it overwrites depends on a symbolic dimension")
    rows = list(range(dims[axis]))[slice(*bounds)]
    order = [axis, *(each for each in range(len(dims)) if each != axis)]
    back = [order.index(each) for each in range(len(dims))]
    places = call.constant([[row] for row in rows], "int64", "rows")
    moved = [call.transpose(call[index], order) for index in (0, 1)]
    return call.transpose(call.emit("ScatterND", moved[0], places, moved[1]), back)


def _triangle(upper: int) -> Emitter:
    def write(call: Call) -> str:
        diagonal = call.number(1)
        k = call.dims.scalar(diagonal)
        return call.emit("Trilu", call[0], k, upper=upper)

    return Emitter(write, ("Trilu",))


EMITTERS: dict[str, Emitter] = {
    "strided_slice": Emitter(strided_slice, ("Slice",)),
    "dynamic_strided_slice": Emitter(dynamic_strided_slice, ("Slice", "Cast")),
    "slice_scatter": Emitter(slice_scatter, ("ScatterND", "Transpose")),
    "tril": _triangle(0),
    "triu": _triangle(1),
}
