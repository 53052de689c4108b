"""The metadata section: constants in TVM's JSON graph of nodes, each tensor as base64."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import numpy as np

from tests.frontends.relay.printer.tree import Array

_MAGIC = 0xDD5E40F096B4A13F
_CPU = 1
_CODES = {"int": 0, "uint": 1, "float": 2, "bfloat": 4}


def tensor_bytes(array: Array) -> bytes:
    """An array as TVM's NDArray saves itself."""
    if array.dtype == bool:
        code, bits = _CODES["uint"], 1
    else:
        code, bits = _CODES[array.dtype.name.rstrip("0123456789")], 8 * array.dtype.itemsize
    head = struct.pack("<QQiiiBBH", _MAGIC, 0, _CPU, 0, array.ndim, code, bits, 1)
    shape = struct.pack(f"<{array.ndim}q", *array.shape)
    data = np.ascontiguousarray(array).tobytes()
    return head + shape + struct.pack("<q", len(data)) + data


class Constants:
    """The entries of `meta[relay.Constant]`, each array once."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self._places: dict[int, int] = {}

    def reference(self, array: Array) -> str:
        """How the text refers to a constant."""
        place = self._places.setdefault(id(array), len(self.arrays))
        if place == len(self.arrays):
            self.arrays.append(array)
        return f"meta[relay.Constant][{place}]"

    def section(self) -> str:
        """The section, "" without constants."""
        if not self.arrays:
            return ""
        nodes: list[dict[str, Any]] = [
            {"type_key": ""},
            {"type_key": "Map", "keys": ["relay.Constant"], "data": [2]},
            {"type_key": "Array", "data": list(range(5, 5 + len(self.arrays)))},
            {"type_key": "VirtualDevice", "attrs": _DEVICE},
            {"type_key": "runtime.String"},
        ]
        for place in range(len(self.arrays)):
            attrs = {"_checked_type_": "0", "data": f"{place}", "span": "0", "virtual_device_": "3"}
            nodes.append({"type_key": "relay.Constant", "attrs": attrs})
        tensors = [base64.b64encode(tensor_bytes(each)).decode() for each in self.arrays]
        graph = {
            "root": 1,
            "nodes": nodes,
            "b64ndarrays": tensors,
            "attrs": {"tvm_version": "0.16.0"},
        }
        return f"\n#[metadata]\n{json.dumps(graph, indent=2)}\n"


_DEVICE = {"device_type_int": "-1", "memory_scope": "4", "target": "0", "virtual_device_id": "-1"}
