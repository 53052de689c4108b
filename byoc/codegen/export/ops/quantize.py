"""Quantisation stays what it is in the model."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter


def _axis(call: Call) -> int | None:
    """The axis of the scales, None for a scale of the whole tensor."""
    return call.axis(call.attrs.axis, call.rank()) if call.rank(1) and call.rank() else None


def quantize(call: Call) -> str:
    """QuantizeLinear; the zero point says the stored dtype."""
    return call.emit("QuantizeLinear", call[0], call[1], _zero_point(call), axis=_axis(call))


def _zero_point(call: Call) -> str:
    """The zero point in the stored dtype, spread over the scales where there is one for all."""
    stored = call.out_dtype() if call.op == "quantize" else call.dtype()
    value, dtype = call[2], call.dtype(2)
    array = call.array(2)
    if array is not None and (dtype != stored or array.ndim != call.rank(1)):
        import numpy as np

        return call.constant(np.broadcast_to(array, call.static(1)), stored, "zero_point")
    return call.cast(value, stored, dtype)


def dequantize(call: Call) -> str:
    """DequantizeLinear; int32 has no zero point in ONNX."""
    array = call.array(2)
    if call.dtype() == "int32":
        if array is None or array.any():
            call.decline("ONNX's int32 has no zero point")
        return call.emit("DequantizeLinear", call[0], call[1], axis=_axis(call))
    return call.emit("DequantizeLinear", call[0], call[1], _zero_point(call), axis=_axis(call))


EMITTERS: dict[str, Emitter] = {
    "quantize": Emitter(quantize, ("QuantizeLinear", "Cast")),
    "dequantize": Emitter(dequantize, ("DequantizeLinear", "Cast")),
}
