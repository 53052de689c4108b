"""Elements: onnxruntime's words for tensor types, as ONNX's numbers and as numpy dtypes of the same width."""

from __future__ import annotations

from typing import Final

_BY_CARRIER: Final = {
    "u1": {
        "uint8": 2,
        "int8": 3,
        "float8e4m3fn": 17,
        "float8e4m3fnuz": 18,
        "float8e5m2": 19,
        "float8e5m2fnuz": 20,
    },
    "u2": {"uint16": 4, "int16": 5, "float16": 10, "bfloat16": 16},
    "u4": {"float": 1, "int32": 6, "uint32": 12},
    "u8": {"int64": 7, "double": 11, "uint64": 13},
    "?": {"bool": 9},
}

ELEMENTS: Final = {
    f"tensor({word})": element for words in _BY_CARRIER.values() for word, element in words.items()
}
"""TensorProto.DataType by what a session calls a tensor's type."""

CARRIERS: Final = {
    element: carrier for carrier, words in _BY_CARRIER.items() for element in words.values()
}
"""A numpy dtype that carries the bits, by TensorProto.DataType."""

BOOL: Final = 9
