"""Convolutions."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter

_INTEGER = ("int8", "uint8")


def to_layout(call: Call, value: str, have: str, want: str) -> str:
    """`value` with its axes, named by the letters of `have`, in the order of `want`."""
    if have == want:
        return value
    if sorted(have) != sorted(want):
        call.decline(f"its layout is {have}")
    return call.transpose(value, [have.index(letter) for letter in want])


def planes(layout: str) -> str:
    """The layout that ONNX has for these letters: batch, channels, then space in their order."""
    return "NC" + "".join(letter for letter in layout if letter not in "NC")


def pads(call: Call, spatial: int) -> list[int]:
    """The padding: begins of all spatial axes, then ends."""
    given = call.ints("padding") or [0]
    if len(given) == 1:
        return given * (2 * spatial)
    return given * 2 if len(given) == spatial else given


def _convolution(transposed: bool) -> Emitter:
    def write(call: Call) -> str:
        attrs = call.attrs
        layout, kernel = str(attrs.data_layout), str(attrs.kernel_layout)
        spatial = "".join(letter for letter in planes(layout)[2:])
        data = to_layout(call, call[0], layout, f"NC{spatial}")
        weight = to_layout(call, call[1], kernel, ("IO" if transposed else "OI") + spatial)
        result = _emit(call, data, weight, len(spatial), transposed)
        return to_layout(call, result, f"NC{spatial}", str(attrs.out_layout or layout))

    ops = (
        ("ConvTranspose", "Transpose", "Cast")
        if transposed
        else ("Conv", "ConvInteger", "Transpose", "Cast")
    )
    return Emitter(write, ops)


def _emit(call: Call, data: str, weight: str, spatial: int, transposed: bool) -> str:
    attrs = {
        "strides": call.ints("strides"),
        "pads": pads(call, spatial),
        "dilations": call.ints("dilation"),
        "group": int(call.attrs.groups),
    }
    given, out = call.dtype(), call.out_dtype()
    if transposed:
        attrs["output_padding"] = call.ints("output_padding")
    elif given in _INTEGER and call.dtype(1) in _INTEGER and out == "int32":
        return call.emit("ConvInteger", data, weight, **attrs)
    if given != out:
        if "float" not in given or "float" not in out:
            call.decline(f"it makes {out} of {given}")
        data, weight = call.cast(data, out, given), call.cast(weight, out, call.dtype(1))
    return call.emit("ConvTranspose" if transposed else "Conv", data, weight, **attrs)


EMITTERS: dict[str, Emitter] = {
    **{f"nn.conv{rank}d": _convolution(transposed=False) for rank in (1, 2, 3)},
    **{f"nn.conv{rank}d_transpose": _convolution(transposed=True) for rank in (1, 2, 3)},
}
