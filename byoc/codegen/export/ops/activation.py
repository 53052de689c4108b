"""Activations."""

from __future__ import annotations

import math

from byoc.codegen.export._call import Call, Emitter


def relu(call: Call) -> str:
    """Relu; of unsigned integers nothing."""
    return call[0] if call.dtype().startswith("uint") else call.emit("Relu", call[0])


def leaky_relu(call: Call) -> str:
    """LeakyRelu with its slope."""
    return call.emit("LeakyRelu", call[0], alpha=float(call.attrs.alpha))


def prelu(call: Call) -> str:
    """PRelu; the slopes of an axis get ones after it, as ONNX broadcasts from the end."""
    rank, slope = call.rank(), call[1]
    after = rank - 1 - call.axis(call.attrs.axis, rank)
    if call.rank(1) == 1 and after and call.shape(1) != [1]:
        slope = call.reshape(slope, [*call.shape(1), *[1] * after])
    return call.emit("PRelu", call[0], slope)


def gelu(call: Call) -> str:
    """Gelu, before opset 20 by Erf."""
    if call.opset >= 20:
        return call.emit("Gelu", call[0])
    inner = call.emit("Erf", call.emit("Mul", call[0], call.like(math.sqrt(0.5))))
    return _half(call, inner)


def gelu_tanh(call: Call) -> str:
    """Gelu by tanh."""
    if call.opset >= 20:
        return call.emit("Gelu", call[0], approximate="tanh")
    data = call[0]
    cube = call.emit("Mul", call.emit("Mul", data, data), data)
    bent = call.emit("Add", data, call.emit("Mul", cube, call.like(0.044715)))
    inner = call.emit("Tanh", call.emit("Mul", bent, call.like(math.sqrt(2 / math.pi))))
    return _half(call, inner)


def _half(call: Call, inner: str) -> str:
    """Half the tensor, times 1 + inner."""
    gate = call.emit("Add", inner, call.like(1))
    return call.emit("Mul", call.emit("Mul", call[0], call.like(0.5)), gate)


def silu(call: Call) -> str:
    """The tensor times its sigmoid."""
    return call.emit("Mul", call[0], call.emit("Sigmoid", call[0]))


def selu(call: Call) -> str:
    """Selu with the constants of its paper, which are ONNX's defaults."""
    return call.emit("Selu", call[0])


def softplus(call: Call) -> str:
    """Softplus, sharpened by beta."""
    beta = float(call.attrs.beta)
    if beta == 1:
        return call.emit("Softplus", call[0])
    sharp = call.emit("Softplus", call.emit("Mul", call[0], call.like(beta)))
    return call.emit("Div", sharp, call.like(beta))


def _softmax(op: str) -> Emitter:
    return Emitter(lambda call: call.emit(op, call[0], axis=int(call.attrs.axis)), (op,))


def dropout(call: Call) -> tuple[str, ...]:
    """Nothing, when a model infers; the mask is all ones."""
    dims = call.emit("Shape", call[0])
    one = call.cast(call.emit("Expand", call.constant(1, "float32"), dims), call.dtype(), "float32")
    return call[0], one


EMITTERS: dict[str, Emitter] = {
    "nn.relu": Emitter(relu, ("Relu",)),
    "nn.leakyrelu": Emitter(leaky_relu, ("LeakyRelu",)),
    "nn.prelu": Emitter(prelu, ("PRelu", "Reshape")),
    "nn.gelu": Emitter(gelu, ("Gelu", "Erf", "Add", "Mul")),
    "nn.gelu_tanh": Emitter(gelu_tanh, ("Gelu", "Tanh", "Add", "Mul")),
    "nn.silu": Emitter(silu, ("Sigmoid", "Mul")),
    "nn.selu": Emitter(selu, ("Selu",)),
    "nn.softplus": Emitter(softplus, ("Softplus", "Mul", "Div")),
    "nn.softmax": _softmax("Softmax"),
    "nn.log_softmax": _softmax("LogSoftmax"),
    "nn.dropout": Emitter(dropout, ("Shape", "Expand", "Cast")),
}
