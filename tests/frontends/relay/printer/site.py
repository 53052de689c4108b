"""One call of a Relax op on its way into Relay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import ir, relax, tirx

from tests.frontends.relay.printer import tree
from tests.frontends.relay.printer.signatures import REQUIRED, SIGNATURES


class NoRelayFormError(Exception):
    """A Relax expression that Relay has no form for."""


@dataclass(frozen=True)
class Site:
    """A call of a Relax op.

    `lower` makes a tree of an operand, `emit` binds an expression to a name of its own. `idioms` asks for what
    Relay's frontends write: `nn.bias_add` and `nn.dense` where they fit.
    """

    call: Any
    lower: Callable[[Any], tree.Expr]
    emit: Callable[[tree.Expr], tree.Expr]
    idioms: bool
    span: str = ""

    @property
    def name(self) -> str:
        """The op's name without `relax.`."""
        return str(self.call.op.name).removeprefix("relax.")

    def operand(self, index: int) -> tree.Expr:
        """An operand."""
        return self.lower(self.call.args[index])

    def attr(self, name: str) -> Any:
        """An attribute as plain Python."""
        return plain(getattr(self.call.attrs, name))

    def array(self, index: int) -> tree.Array | None:
        """The data of a constant operand, None for any other."""
        return data_of(self.call.args[index])

    def dims(self, index: int) -> list[Any]:
        """The extents of an operand; a symbolic one is an expression."""
        return extents(self.call.args[index].ty)

    def relay(self, name: str, *args: tree.Expr, **attrs: Any) -> tree.Call:
        """The call in Relay that gives what the Relax call gives."""
        return self._relay(name, args, attrs, self.call.ty)

    def step(self, name: str, *args: tree.Expr, **attrs: Any) -> tree.Expr:
        """A call in Relay on the way, bound."""
        return self.emit(self._relay(name, args, attrs, None))

    def _relay(
        self, name: str, args: Sequence[tree.Expr], attrs: dict[str, Any], ty: Any
    ) -> tree.Call:
        known = SIGNATURES[name]
        assert set(attrs) <= set(known), (name, attrs)
        whole = {key: attrs.get(key, default) for key, default in known.items()}
        missing = [key for key, value in whole.items() if value is REQUIRED]
        assert not missing, (name, missing)
        return tree.Call(name, tuple(args), whole, known, ty, self.span)

    def refuse(self, why: str) -> NoRelayFormError:
        """The error that says why the call cannot be written."""
        return NoRelayFormError(f"{self.name}: {why}")


def plain(value: Any) -> Any:
    """An attribute of Relax as plain Python: tuples, numbers, strings; a dtype is its name, None is None."""
    if isinstance(value, bool | None | float):
        return value
    if isinstance(value, tirx.IntImm):
        return bool(value.value) if str(value.ty.dtype) == "bool" else int(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, tirx.FloatImm):
        return float(value.value)
    if isinstance(value, tvm_ffi.Array | ir.Tuple | relax.ShapeExpr):
        parts = value.fields if isinstance(value, ir.Tuple) else value
        parts = parts.values if isinstance(parts, relax.ShapeExpr) else parts
        return tuple(plain(each) for each in parts)
    if isinstance(value, tirx.Var | ir.Expr):
        raise NoRelayFormError(f"{value} is not known")
    return str(value)


def data_of(expr: Any) -> tree.Array | None:
    """The data of a Relax constant, None for anything else."""
    if not isinstance(expr, ir.GenericConst):
        return None
    data: tree.Array = expr.value.numpy()
    return data


def extents(ty: Any) -> list[Any]:
    """The extents of a tensor; a symbolic one is an expression."""
    return [int(dim) if isinstance(dim, tirx.IntImm) else dim for dim in ty.shape]
