"""Builder: a network in the making: its layers, and how values become tensors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

import byoc
from byoc.vendors.npu.isa import Act, Binary, Dtype
from byoc.vendors.npu.layers import Alias, Composite, Layer, Map, Quant, Tensor
from byoc.vendors.npu.lower.values import DTYPES, Constant, Floats, Pending, Value, along, quant_of

PLAIN = Quant(1.0, 0)
"""What 8-bit numbers mean that nobody has given a meaning."""

_SWAPPED = {Binary.SUB: Binary.RSUB, Binary.DIV: Binary.RDIV}


class RefusedError(Exception):
    """Something of the segment has no layers; `refusal` says what and why."""

    def __init__(self, refusal: byoc.Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Builder:
    """Collects layers. `composite` is the one being lowered; every layer made belongs to it."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.composites: list[Composite] = []
        self._names: dict[str, int] = {}
        self._sources: dict[int, Tensor] = {}

    @property
    def composite(self) -> int:
        """The index of the composite being lowered."""
        return len(self.composites) - 1

    def refused(self, message: str, code: str = "codegen-failed") -> RefusedError:
        """What is raised to give up the segment because of the composite being lowered."""
        where = self.composites[-1] if self.composites else Composite("", ())
        words = f"{where.name}: {message}" if where.name else message
        return RefusedError(byoc.Refusal(code, words, nodes=where.nodes))

    def tensor(
        self, name: str, shape: tuple[int, ...], dtype: Dtype, quant: Quant | None = None
    ) -> Tensor:
        """A new tensor; its name is made unique."""
        return Tensor(self.name(name), shape, dtype, quant)

    def constant(self, value: Constant, name: str) -> Tensor:
        """A constant as a tensor: as it is stored where that is 8 bits with one scale, in float32 otherwise."""
        quant = quant_of(value)
        if value.stored.dtype.name in ("int8", "uint8"):
            dtype = DTYPES[value.stored.dtype.name]
            if value.scale is None or quant is not None:
                data = np.asarray(value.stored, order="C")
                return Tensor(self.name(name), data.shape, dtype, quant or PLAIN, data)
        data = np.asarray(value.real, order="C")
        return Tensor(self.name(name), data.shape, Dtype.F32, None, data)

    def add(self, layers: Iterable[Layer]) -> None:
        """Append layers."""
        self.layers.extend(layers)

    def start(self, value: Value, shape: tuple[int, ...], name: str) -> Pending:
        """`value`, of `shape`, with room for what follows: a Pending as it is, a tensor as the operand of a Map."""
        if isinstance(value, Pending):
            return value
        source = self.stored(value, name)

        def build(out: Tensor, done: Pending) -> Iterable[Layer]:
            yield self._map(source, out, done)

        return Pending(build, shape, broadcasts=True)

    def stored(self, value: Value, name: str) -> Tensor:
        """`value` as a tensor, 8-bit or float32."""
        if isinstance(value, Tensor):
            return value
        if isinstance(value, Constant):
            return self.constant(value, name)
        if isinstance(value, Pending):
            return self.store(value, self.tensor(name, value.shape, Dtype.F32))
        raise self.refused("a tuple stands where a tensor is expected")

    def floats(self, value: Value, name: str) -> Tensor:
        """`value` as a float32 tensor."""
        if isinstance(value, Constant):
            value = Constant(value.real)
        tensor = self.stored(value, name)
        if tensor.dtype is Dtype.F32:
            return tensor
        return self.copied(tensor, self.tensor(f"{name}.real", tensor.shape, Dtype.F32))

    def store(self, value: Pending, out: Tensor) -> Tensor:
        """Emit the layers of `value` with the result `out`."""
        self.add(value.build(out, value))
        return out

    def copied(self, source: Tensor, out: Tensor) -> Tensor:
        """What `source` means, in the dtype and quant of `out`."""
        return self.store(self.start(source, source.shape, source.name), out)

    def alias(
        self, x: Tensor, shape: tuple[int, ...], kind: str = "reshape", **places: tuple[int, ...]
    ) -> Tensor:
        """The elements of `x` in other places; nothing when they stay."""
        if kind == "reshape":
            x = self._sources.get(id(x), x)
        if shape == x.shape and places.get("axes") in (None, tuple(range(len(shape)))):
            return x
        out = self.tensor(x.name, shape, x.dtype, x.quant)
        self.add([Alias(x, out, self.composite, kind, **places)])
        if kind == "reshape":
            self._sources[id(out)] = x
        return out

    def reshaped(self, x: Tensor, out: Tensor) -> Alias:
        """The layer that makes `out` of the same elements as `x`; a reshape of `out` is then one of `x`."""
        self._sources[id(out)] = x
        return Alias(x, out, self.composite, "reshape")

    def meaning(self, x: Tensor, quant: Quant) -> Tensor:
        """The stored bytes of `x` with another meaning."""
        if x.quant == quant:
            return x
        out = self.tensor(x.name, x.shape, x.dtype, quant)
        self.add([Alias(x, out, self.composite, "reshape")])
        return out

    def activated(self, value: Value, act: Act, name: str, p: float = 0.0, q: float = 0.0) -> Value:
        """act(value)."""
        pending = self.start(value, value_shape(value), name)
        if pending.act is not Act.NONE or not pending.foldable:
            tensor = self.stored(pending, name)
            pending = self.start(tensor, tensor.shape, name)
        return replace(pending, act=act, p=p, q=q)

    def scaled(self, value: Value, factor: Floats, axis: int | None, name: str) -> Value:
        """Value times `factor`, which varies along `axis` (None: one number)."""
        pending = self.start(value, value_shape(value), name)
        return pending.scaled(factor, axis) or self._again(pending, name).scaled(factor, axis)  # type: ignore[return-value]  # a fresh Map takes any factor

    def shifted(self, value: Value, offset: Floats, axis: int | None, name: str) -> Value:
        """Value plus `offset`."""
        pending = self.start(value, value_shape(value), name)
        return pending.shifted(offset, axis) or self._again(pending, name).shifted(offset, axis)  # type: ignore[return-value]  # a fresh Map takes any offset

    def joined(
        self, op: Binary, left: Value, right: Value, shape: tuple[int, ...], name: str
    ) -> Value:
        """`left OP right`, broadcast to `shape`, which one of them has."""
        if value_shape(left) != shape or (
            not _takes_other(left, right, shape) and _takes_other(right, left, shape)
        ):
            left, right, op = right, left, _SWAPPED.get(op, op)
        if value_shape(left) != shape:
            raise self.refused(
                f"neither {value_shape(left)} nor {value_shape(right)} is the shape of the result, {shape}"
            )
        other = self.stored(right, f"{name}.other")
        pending = self.start(left, shape, name)
        if not _takes_other(pending, other, shape):
            pending = self._again(pending, name)
        return replace(pending, op=op, other=other)

    def _again(self, pending: Pending, name: str) -> Pending:
        tensor = self.stored(pending, name)
        return self.start(tensor, tensor.shape, name)

    def _map(self, source: Tensor, out: Tensor, done: Pending) -> Map:
        mult = None if np.all(done.mult == 1) else done.mult.astype(np.float32)
        bias = None if not np.any(done.bias) else done.bias.astype(np.float32)
        return Map(
            source,
            out,
            self.composite,
            b=done.other,
            mult=mult,
            bias=bias,
            axis=done.axis or 0,
            op=done.op,
            act=done.act,
            p=done.p,
            q=done.q,
        )

    def name(self, name: str) -> str:
        """`name`, with a number behind it if it is taken."""
        free = name
        while free in self._names:
            self._names[name] += 1
            free = f"{name}.{self._names[name]}"
        self._names[free] = 1
        return free


def value_shape(value: Value) -> tuple[int, ...]:
    """The shape of a value that is no tuple."""
    return () if isinstance(value, tuple) else tuple(value.shape)


def _takes_other(left: Value, right: Value, shape: tuple[int, ...]) -> bool:
    """Whether `left OP right` can be folded into what makes `left`."""
    if not isinstance(left, Pending) or not left.is_linear or left.shape != shape:
        return False
    return left.broadcasts or value_shape(right) == shape


def fold_axis(constant: Constant, whole: tuple[int, ...]) -> tuple[Floats, int | None] | None:
    """A constant as what `scaled` and `shifted` take; None when it varies along several dimensions of `whole`."""
    axis = along(constant.shape, whole)
    if axis is None:
        return None
    return constant.real.astype(np.float64).reshape(-1), None if axis < 0 else axis
