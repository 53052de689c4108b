"""`from byoc.relay import tvm`: the names of `tvm` that Relay pattern tables use.

What a table asks of Relay is byoc's; anything else (`tvm.transform`, `tvm.IRModule`, `tvm.target`) is the installed
TVM's, imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import byoc.relay as relay
from byoc.relay.expr import AnyDim, Attrs, Int, Op, TensorType, TupleType
from byoc.relay.register import register_op_attr

Given = TypeVar("Given", bound=Callable[..., Any])


class _Relays:
    """Some names of one of TVM's modules as byoc has them; the others are TVM's own."""

    def __init__(self, module: str, **names: Any) -> None:
        self._module = module
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _installed(self._module, name)


ir: Final = _Relays(
    "tvm.ir",
    Attrs=Attrs,
    Op=Op,
    TensorType=TensorType,
    TupleType=TupleType,
    container=SimpleNamespace(Array=tuple),
    register_op_attr=register_op_attr,
    tensor_type=SimpleNamespace(TensorType=TensorType),
    type=SimpleNamespace(TupleType=TupleType),
)
"""`tvm.ir`."""

tir: Final = _Relays(
    "tvm.tirx",
    Any=AnyDim,
    IntImm=Int,
    expr=SimpleNamespace(Any=AnyDim, IntImm=Int),
    op=SimpleNamespace(Op=Op),
)
"""`tvm.tir`."""


def register_func(name: str, function: Given | None = None, override: bool = False) -> Any:
    """Take a function that Relay would call by name, as `relay.ext.NAME`: byoc calls none of them.

    A codegen belongs to the plugin's `byoc_codegen`. A decorator without `function`.
    """
    del name, override
    return function if function is not None else lambda given: given


_ffi: Final = SimpleNamespace(register_func=register_func)
"""`tvm._ffi`."""

nd: Final = _Relays("tvm.runtime", NDArray=object)
"""`tvm.nd`."""

__all__ = ["ir", "nd", "register_func", "relay", "tir"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _installed("tvm", name)


def _installed(module: str, name: str) -> Any:
    """A name of the installed TVM, which has no Relay."""
    held = import_module(module)
    if not hasattr(held, name):
        raise AttributeError(
            f"{module}.{name} is neither Relay's, as byoc has it, nor in the installed TVM; "
            f"docs/relay-backend.md lists the names that there are"
        )
    return getattr(held, name)
