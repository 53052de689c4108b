"""Products of matrices."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter

_INTEGER = ("int8", "uint8")


def matmul(call: Call) -> str:
    """MatMul; of bytes into int32 MatMulInteger."""
    given, out = call.dtype(), call.out_dtype()
    if given in _INTEGER and call.dtype(1) in _INTEGER and out == "int32":
        return call.emit("MatMulInteger", call[0], call[1])
    left, right = call.cast(call[0], out, given), call.cast(call[1], out, call.dtype(1))
    return call.emit("MatMul", left, right)


def einsum(call: Call) -> str:
    """Einsum."""
    return call.emit("Einsum", *call.items(0), equation=str(call.attrs.subscripts))


EMITTERS: dict[str, Emitter] = {
    "matmul": Emitter(matmul, ("MatMul", "MatMulInteger", "Cast")),
    "einsum": Emitter(einsum, ("Einsum",)),
}
