"""`from byoc.relay import tvm`: the few names of `tvm` itself that Relay pattern tables use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final

import byoc.relay as relay
from byoc.relay.expr import AnyDim, Op, TensorType, TupleType
from byoc.relay.register import register_op_attr

ir: Final = SimpleNamespace(
    Op=Op, TensorType=TensorType, TupleType=TupleType, register_op_attr=register_op_attr
)
"""`tvm.ir`."""

tir: Final = SimpleNamespace(Any=AnyDim, expr=SimpleNamespace(Any=AnyDim))
"""`tvm.tir`."""

__all__ = ["ir", "relay", "tir"]
