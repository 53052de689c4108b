"""Forms: functions that models write as several ops, and the machine has as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tvm import ir

from byoc.vendors.npu.isa import Act

_ACTS: Final = {
    "gelu": Act.GELU,
    "matmul_gelu": Act.GELU,
    "hardswish": Act.HARDSWISH,
    "conv2d_hardswish": Act.HARDSWISH,
    "onnx.HardSwish": Act.HARDSWISH,
    "silu": Act.SILU,
    "conv2d_silu": Act.SILU,
}
"""The composites that end in a function of one value, which is read several times."""

NORM: Final = "layer_norm"
"""The composite that normalises rows."""


@dataclass(frozen=True, slots=True)
class Activation:
    """`result` is act(`base`); the bindings `inside` compute it and need no layers."""

    base: Any
    result: str
    act: Act
    inside: frozenset[str]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """`result` is `base` normalised; the other fields are expressions of constants, None for 1 and 0."""

    base: Any
    result: str
    epsilon: Any
    gamma: Any
    beta: Any


def activation(name: str, bindings: Sequence[Any]) -> Activation | None:
    """The function at the end of the composite `name`; None where a single op is one already.

    The function's argument is the first value that the composite reads more than once: what comes before it is a
    chain.
    """
    if name not in _ACTS:
        return None
    base = _first_read_twice(bindings)
    if base is None:
        return None
    names = [each.var.name for each in bindings]
    start = names.index(base.name) + 1 if base.name in names else 0
    act = _ACTS[name]
    if act is Act.GELU and not any(_op(each.value) in ("erf", "nn.gelu") for each in bindings):
        act = Act.GELU_TANH
    return Activation(base, names[-1], act, frozenset(names[start:]))


def normalisation(name: str, bindings: Sequence[Any]) -> Normalisation | None:
    """The normalisation that the composite `layer_norm` is made of; None where a single op is one."""
    if name != NORM or len(bindings) == 1:
        return None
    names = {each.var.name for each in bindings}
    roots = {_op_reads(each)[0].name for each in bindings if _op(each.value) in ("sqrt", "rsqrt")}
    base = next(
        each for binding in bindings for each in _op_reads(binding) if each.name not in names
    )
    found: dict[str, Any] = {}
    for binding in bindings:
        known = [each for each in _arguments(binding.value) if isinstance(each, ir.GenericConst)]
        if not known:
            continue
        op = _op(binding.value)
        if binding.var.name in roots:
            found["epsilon"] = known[0]
        elif op == "multiply":
            found["gamma"] = known[0]
        elif op in ("add", "subtract"):
            found["beta"] = known[0]
    return Normalisation(
        base,
        bindings[-1].var.name,
        found["epsilon"],
        found.get("gamma"),
        found.get("beta"),
    )


def _first_read_twice(bindings: Sequence[Any]) -> Any:
    """The first variable, in order of being read, that is read more than once; None when there is none."""
    counts: dict[str, int] = {}
    variables: dict[str, Any] = {}
    for binding in bindings:
        for var in _op_reads(binding):
            counts[var.name] = counts.get(var.name, 0) + 1
            variables.setdefault(var.name, var)
    return next((variables[name] for name, count in counts.items() if count > 1), None)


def _op_reads(binding: Any) -> list[Any]:
    return list(variables(binding.value))


def variables(expr: Any) -> Iterator[Any]:
    """Every variable that an expression reads, as often as it does."""
    if isinstance(expr, ir.Var):
        yield expr
    elif isinstance(expr, ir.Tuple):
        for field in expr.fields:
            yield from variables(field)
    elif isinstance(expr, ir.TupleGetItem):
        yield from variables(expr.tuple_value)
    elif isinstance(expr, ir.Call):
        for arg in expr.args:
            yield from variables(arg)


def _arguments(expr: Any) -> list[Any]:
    return list(expr.args) if isinstance(expr, ir.Call) else []


def _op(expr: Any) -> str:
    is_op = isinstance(expr, ir.Call) and isinstance(expr.op, ir.Op)
    return str(expr.op.name).removeprefix("relax.") if is_op else ""
