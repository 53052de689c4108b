"""What a program's steps emit: one function a kind, each from `float32[rows, 4]` to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from tvm import ir, relax, tirx

from byoc.frontends.model import SourceGroup

UNARY = ("nn.relu", "tanh", "sigmoid", "negative")
BINARY = ("add", "multiply", "subtract", "maximum")

BIAS = relax.const(np.linspace(-1, 1, 4, dtype="float32"))
WEIGHT = relax.const(np.linspace(-0.5, 0.5, 16, dtype="float32").reshape(4, 4))
SCALE, ZERO = relax.const(0.05, "float32"), relax.const(3, "int8")


@dataclass
class Setting:
    """A function being written. `values` may be read by later steps; `helper` may be called."""

    builder: Any
    anonymous: bool
    helper: Any = None
    rows: Any = 4
    tensor: Any = None
    pure: bool = True
    dataflow: bool = False
    values: list[Any] = field(default_factory=list)
    groups: list[SourceGroup] = field(default_factory=list)
    count: int = 0

    def begin(self, rows: Any, tensor: Any, pure: bool) -> None:
        """A new function begins."""
        self.rows, self.tensor, self.pure = rows, tensor, pure
        self.groups = []

    def emit(self, value: Any) -> Any:
        """Bind `value`; its name tells it from every other binding of the module, unless all are anonymous."""
        return self.builder.emit(value, self.name())

    def cast(self, value: Any, ty: Any) -> Any:
        """Assert the type of `value`."""
        return self.builder.match_cast(value, ty, self.name())

    def name(self) -> str:
        """The next binding's name."""
        self.count += 1
        return "v" if self.anonymous else f"v{self.count}"

    def pick(self, back: int) -> Any:
        """The value that many steps back, the first ones again when there are not as many."""
        return self.values[-1 - back % len(self.values)]

    def group(
        self, op: str, source: str, read: Any, bindings: list[Any], outputs: list[Any], **more: Any
    ) -> None:
        """Note that `bindings` are one ONNX node, the input `source` of which is `read`."""
        self.groups.append(
            SourceGroup(
                op,
                f"{op}.{bindings[0].name}",
                tuple(each.name for each in bindings),
                {source: read.name},
                tuple(each.name for each in outputs),
                **more,
            )
        )


def unary(setting: Setting, left: Any, right: Any, form: int) -> Any:
    return setting.emit(_op(UNARY[form])(left))


def binary(setting: Setting, left: Any, right: Any, form: int) -> Any:
    return setting.emit(_op(BINARY[form])(left, right))


def bias(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """An op with a constant that others share."""
    return setting.emit(_op(BINARY[form])(left, BIAS))


def matmul(setting: Setting, left: Any, right: Any, form: int) -> Any:
    made = setting.emit(relax.op.matmul(left, WEIGHT))
    return made if form == 0 else setting.emit(relax.op.add(made, BIAS if form == 1 else right))


def softmax(setting: Setting, left: Any, right: Any, form: int) -> Any:
    return setting.emit(relax.op.nn.softmax(left, axis=-1 if form % 2 else 1))


def split(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """Both halves change places, the tuple bound or in the call."""
    whole = setting.emit(relax.op.split(left, 2, axis=1))
    halves = [setting.emit(relax.TupleGetItem(whole, index)) for index in (1, 0)]
    if form & 1:
        halves[0] = setting.emit(relax.op.sigmoid(halves[0]))
    again = relax.Tuple(halves)
    return setting.emit(relax.op.concat(setting.emit(again) if form & 2 else again, axis=1))


def gate(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """One half times the sigmoid of the other, twice; items as operands of their own."""
    whole = setting.emit(relax.op.split(left, 2, axis=1))
    first, second = (setting.emit(relax.TupleGetItem(whole, index)) for index in range(2))
    gated = setting.emit(relax.op.multiply(first, setting.emit(relax.op.sigmoid(second))))
    other = gated if form % 2 else second
    return setting.emit(relax.op.concat(relax.Tuple([gated, other]), axis=1))


def pair(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """A tuple, nested perhaps, and an item of it."""
    whole = relax.Tuple([left, right])
    if form >= 2:
        nested = setting.emit(relax.Tuple([setting.emit(whole), left]))
        whole = setting.emit(relax.TupleGetItem(nested, 0))
    else:
        whole = setting.emit(whole)
    return setting.emit(relax.TupleGetItem(whole, form % 2))


def alias(setting: Setting, left: Any, right: Any, form: int) -> Any:
    return setting.emit(left)


def batch_norm(setting: Setting, left: Any, right: Any, form: int) -> Any:
    made = relax.op.nn.batch_norm(
        left, BIAS, BIAS, BIAS, relax.const(np.ones(4, "float32")), axis=1
    )
    whole = setting.emit(made)
    result = setting.emit(relax.TupleGetItem(whole, 0))
    if form < 2:
        return result if form == 0 else setting.emit(relax.op.nn.relu(result))
    return setting.emit(relax.op.add(result, setting.emit(relax.TupleGetItem(whole, form - 1))))


def topk(setting: Setting, left: Any, right: Any, form: int) -> Any:
    whole = setting.emit(relax.op.topk(left, k=4, axis=1, ret_type="both"))
    if form == 0:
        return setting.emit(relax.TupleGetItem(whole, 0))
    places = setting.emit(relax.op.astype(setting.emit(relax.TupleGetItem(whole, 1)), "float32"))
    if form == 1:
        return places
    return setting.emit(relax.op.add(setting.emit(relax.TupleGetItem(whole, 0)), places))


def reshape(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """Another shape between; the way back may ask a value for its shape."""
    flat = setting.emit(relax.op.reshape(left, (setting.rows * 2, 2)))
    flat = setting.emit(_op(UNARY[form])(flat))
    if form % 2:
        return setting.emit(relax.op.reshape(flat, (setting.rows, 4)))
    shape = setting.emit(relax.op.shape_of(right))
    return setting.cast(setting.emit(relax.op.reshape(flat, shape)), setting.tensor)


def opaque(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """A packed function whose result has a type only by assertion; a host call of an ONNX node, perhaps."""
    loose = relax.TensorType(dtype="float32", ndim=2)
    if form == 3:
        whole = setting.emit(
            relax.op.call_pure_packed(
                "byoc.tests.twice", left, ty_args=relax.TupleType([loose, loose])
            )
        )
        items = [setting.emit(relax.TupleGetItem(whole, index)) for index in range(2)]
        casts = [setting.cast(each, setting.tensor) for each in items]
        setting.group(
            "onnx.Split", "input", left, [whole, *items, *casts], casts, host="byoc.tests.twice"
        )
        return setting.emit(relax.op.add(*casts))
    made = setting.emit(relax.op.call_pure_packed("byoc.tests.same", left, ty_args=loose))
    cast = setting.cast(made, setting.tensor)
    if form:
        setting.group(
            "onnx.Hardmax",
            "input",
            left,
            [made, cast],
            [cast],
            attrs={"axis": -1},
            host="byoc.tests.same",
        )
    return cast


def longer(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """A dimension that only running tells, and work on it."""
    loose = relax.TensorType(dtype="float32", ndim=2)
    found = relax.TensorType([tirx.Var("k", "int64"), 4], "float32")
    made = setting.emit(relax.op.call_pure_packed("byoc.tests.longer", left, ty_args=loose))
    value = setting.emit(_op(UNARY[form])(setting.cast(made, found)))
    if form % 2:
        value = setting.emit(relax.op.reshape(value, (4, found.shape.values[0])))
    made = setting.emit(relax.op.call_pure_packed("byoc.tests.cut", value, right, ty_args=loose))
    return setting.cast(made, setting.tensor)


def hard_swish(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """An ONNX node that became several ops."""
    three, six = relax.const(3.0, "float32"), relax.const(6.0, "float32")
    shifted = setting.emit(relax.op.add(left, three))
    cut = setting.emit(relax.op.clip(shifted, 0.0, 6.0))
    scaled = setting.emit(relax.op.divide(cut, six))
    result = setting.emit(relax.op.multiply(left, scaled))
    setting.group("onnx.HardSwish", "X", left, [shifted, cut, scaled, result], [result])
    return setting.emit(relax.op.add(result, cut)) if form == 3 else result


def quantised(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """An op between dequantize and quantize, each reader with its own dequantize or a shared one."""
    stored = setting.emit(_quantize(left))
    first = setting.emit(_dequantize(stored))
    if form % 2:
        second = first if form == 1 else setting.emit(_dequantize(stored))
        result = setting.emit(relax.op.add(first, second))
    else:
        result = setting.emit(relax.op.nn.relu(first))
    return setting.emit(_dequantize(setting.emit(_quantize(result))))


def call(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """A call of the helper, where there is one and purity allows it."""
    if setting.helper is None or (setting.dataflow and not setting.pure):
        return None
    flag = relax.const(np.array(form % 2 == 0))
    made = setting.emit(ir.Call(setting.helper, [left, flag]))
    return setting.cast(made, setting.tensor)


def local(setting: Setting, left: Any, right: Any, form: int) -> Any:
    """A local function, called."""
    if setting.dataflow:
        return None
    param = relax.Var("p", setting.tensor)
    inner = relax.Var("r", setting.tensor)
    block = relax.BindingBlock([relax.VarBinding(inner, _op(UNARY[form])(param))])
    body = relax.SeqExpr([block], inner)
    relax.expr._update_type(body, setting.tensor)
    function = setting.emit(relax.Function([param], body, setting.tensor, True))
    return setting.emit(ir.Call(function, [left]))


def effect(setting: Setting, left: Any, right: Any, form: int) -> None:
    """Something printed, outside dataflow blocks of impure functions."""
    if not setting.pure and not setting.dataflow:
        nothing = relax.TupleType([])
        setting.emit(ir.Call(relax.ExternFunc("byoc.tests.tell"), [left], ty_args=[nothing]))


def _quantize(value: Any) -> Any:
    return relax.op.quantize(value, SCALE, ZERO, axis=0, out_dtype="int8")


def _dequantize(value: Any) -> Any:
    return relax.op.dequantize(value, SCALE, ZERO, axis=0, out_dtype="float32")


def _op(name: str) -> Any:
    return attrgetter(name)(relax.op)


STEPS: dict[str, Callable[[Setting, Any, Any, int], Any]] = {
    each.__name__: each
    for each in (
        unary, binary, bias, matmul, softmax, split, gate, pair, alias, batch_norm, topk, reshape, opaque,
        longer, hard_swish, quantised, call, local, effect,
    )
}  # fmt: skip


@contextmanager
def packed_functions() -> Iterator[list[Any]]:
    """The packed functions that programs call, and what `tell` was told."""
    told: list[Any] = []

    def made(array: Any) -> Any:
        return tvm.runtime.tensor(np.ascontiguousarray(array))

    functions: dict[str, Callable[..., Any]] = {
        "same": lambda x: made(x.numpy()),
        "twice": lambda x: [made(x.numpy()), made(-x.numpy())],
        "longer": lambda x: made(np.concatenate([x.numpy(), x.numpy()[:1]])),
        "cut": lambda x, like: made(x.numpy().reshape(-1, 4)[: like.shape[0]]),
        "tell": lambda x: told.append(x.numpy()),
    }
    for name, function in functions.items():
        tvm_ffi.register_global_func(f"byoc.tests.{name}", function, override=True)
    try:
        yield told
    finally:
        for name in functions:
            tvm_ffi.registry.remove_global_func(f"byoc.tests.{name}")
