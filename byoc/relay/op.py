"""`relay.op`: makes calls of Relay's operators, for callbacks: `relay.op.add(a, b)`, `relay.op.nn.dense(x, w)`.

Operands come first, attributes by Relay's names behind them. `relay.nn` and `relay.qnn.op` are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from byoc.errors import PatternError, nearest
from byoc.relay.expr import Call, Expr, Op, Tuple, const

_OPERANDS: Final[Mapping[str, Sequence[str]]] = {
    "image.resize2d": ("data",),
    "nn.batch_matmul": ("tensor_a", "tensor_b"),
    "nn.batch_norm": ("data", "gamma", "beta", "moving_mean", "moving_var"),
    "nn.bias_add": ("data", "bias"),
    "nn.group_norm": ("data", "gamma", "beta"),
    "nn.instance_norm": ("data", "gamma", "beta"),
    "nn.layer_norm": ("data", "gamma", "beta"),
    "nn.prelu": ("data", "alpha"),
    "qnn.dequantize": ("data", "input_scale", "input_zero_point"),
    "qnn.quantize": ("data", "output_scale", "output_zero_point"),
    "qnn.requantize": (
        "data",
        "input_scale",
        "input_zero_point",
        "output_scale",
        "output_zero_point",
    ),
    "take": ("data", "indices"),
    "where": ("condition", "x", "y"),
}
"""The operands' names, where they are not those of `_USUAL`."""

_USUAL: Final = (("data", "lhs"), ("weight", "rhs"))

_ORDER: Final[Mapping[str, Sequence[str]]] = {
    "argmax": ("axis", "keepdims", "exclude", "select_last_index"),
    "argmin": ("axis", "keepdims", "exclude", "select_last_index"),
    "strided_slice": ("begin", "end", "strides", "axes", "slice_mode"),
    "take": ("axis", "batch_dims", "mode"),
    "variance": ("axis", "keepdims", "exclude", "unbiased"),
}
"""The order in which Relay's Python takes attributes, where it is not that of the operator's definition."""

_BY_NAME: Final = ("nn.avg_pool", "nn.conv1d_t", "nn.conv2d_t", "nn.conv3d_t", "qnn.")
"""Operators whose attributes stand in another order in Relay's Python than in the definition: by name alone."""


def get(name: str) -> Op:
    """The operator `name`. Raises PatternError for one that byoc does not convert."""
    _row(name)
    return Op(name)


@dataclass(frozen=True)
class Maker:
    """Makes calls of the operator `name`; its attributes are longer names (`op.nn` to `op.nn.relu`)."""

    name: str

    def __getattr__(self, name: str) -> Maker:
        if name.startswith("__"):
            raise AttributeError(name)
        return Maker(f"{self.name}.{name}")

    def __call__(self, *args: Any, **attrs: Any) -> Expr:
        """A call. Raises PatternError for an operator, attribute or operand that Relay's has not."""
        row = _row(self.name)
        operands, further = self._operands(list(args), attrs, row.arguments)
        order = _ORDER.get(self.name) or tuple(row.defaults)
        if further and (len(further) > len(order) or self.name.startswith(_BY_NAME)):
            raise PatternError(f"{self.name}: give its attributes by name ({', '.join(order)})")
        attrs = {**dict(zip(order, further, strict=False)), **attrs}
        for name in attrs:
            if name not in row.defaults:
                near = nearest(name, row.defaults)
                raise PatternError(f"{self.name} has no attribute {name!r}{near}")
        return Call(Op(self.name), operands, attrs)

    def _operands(
        self, args: list[Any], attrs: dict[str, Any], span: tuple[int, int]
    ) -> tuple[list[Expr], list[Any]]:
        """The operands, by place or by name, and what follows them. Named ones are taken out of `attrs`."""
        if self.name == "nn.pad" and "pad_value" not in attrs:
            attrs["pad_value"] = args.pop(2) if len(args) > 2 else 0.0
        if self.name == "nn.pad":
            args.insert(1, attrs.pop("pad_value"))
        names = _OPERANDS.get(self.name)
        least, count = (len(names), len(names)) if names else span
        while count > least and not (len(args) >= count and isinstance(args[count - 1], Expr)):
            count -= 1
        operands = [_operand(each) for each in args[:count]]
        for place in range(len(operands), count):
            choices = [[each] for each in names] if names else _USUAL
            given = (
                [each for each in choices[place] if each in attrs] if place < len(choices) else []
            )
            if not given:
                break
            operands.append(_operand(attrs.pop(given[0])))
        return operands, args[count:]


def _operand(value: Any) -> Expr:
    if isinstance(value, Expr):
        return value
    if isinstance(value, list | tuple):
        return Tuple([_operand(each) for each in value])
    if isinstance(value, bool | int | float):
        return const(value)
    raise PatternError(
        f"{value!r} of type {type(value).__name__} as an operand; expected an expression"
    )


def _row(name: str) -> Any:
    from byoc.frontends.relay.ops import OPERATORS

    if name not in OPERATORS:
        raise PatternError(f"unknown Relay op {name!r}{nearest(name, OPERATORS)}")
    return OPERATORS[name]


class _Qnn:
    """`relay.qnn.op.NAME` is the operator `qnn.NAME`."""

    op: Final = Maker("qnn")

    def __getattr__(self, name: str) -> Maker:
        return getattr(self.op, name)  # type: ignore[no-any-return]  # Maker's own


qnn: Final = _Qnn()
"""`relay.qnn`, also `relay.op.qnn`."""


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name in ("contrib", "strategy"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return Maker(name)
