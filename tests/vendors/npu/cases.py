"""Cases: for every op row of the npu's table, concrete ops at and around what the row says, in each of its dtypes.

`cases(chip)` has for every op that the table takes: its dtypes, plain and quantised; its ranks; attribute values
inside and outside of those listed; shapes on either side of every limit that comes from the chip. Whether one is
taken is for the table to say, where a case does not know (`taken` None). Each module computes the op and, from its
result, a softmax: most ops are only taken beside another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import numpy as np
from tvm import IRModule, ir, relax

from byoc.plugins import Plugins

EIGHT: Final = ("int8", "uint8")


@dataclass(frozen=True)
class X:
    """An operand that is computed at run time."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class W:
    """An operand that is constant. `axis`: 8-bit ones have a scale for each place along it; `positive`: all are."""

    shape: tuple[int, ...]
    axis: int | None = None
    positive: bool = False


@dataclass(frozen=True)
class Form:
    """Operands (X, W, tuples of them, or plain values) and keywords of an op; `taken` None: the table knows.

    `run` says whether it is small enough to be computed.
    """

    operands: tuple[Any, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)
    taken: bool | None = None
    run: bool = True


@dataclass(frozen=True)
class Case:
    """One op in one dtype: `form` is "plain" or "qdq"."""

    name: str
    op: str
    dtype: str
    form: str
    spec: Form

    @property
    def module(self) -> IRModule:
        """The model."""
        return _Module(self).made


def x(*shape: int) -> X:
    return X(shape)


def w(*shape: int, **how: Any) -> W:
    return W(shape, **how)


def form(*operands: Any, taken: bool | None = None, run: bool = True, **keywords: Any) -> Form:
    return Form(operands, keywords, taken, run)


Figures = Mapping[str, int]


def conv2d(hw: Figures) -> Iterator[Form]:
    quarter = hw["scratchpad"] // 16
    yield form(x(2, 5, 9, 7), w(6, 5, 3, 3), padding=(1, 1, 1, 1), taken=True)
    yield form(x(1, 5, 9, 7), w(6, 5, 3, 3, axis=0), padding=(1, 1, 1, 1), taken=True)
    yield form(x(1, 5, 9, 7), w(6, 5, 3, 3, axis=1))
    yield form(x(1, 5, 9, 7), x(6, 5, 3, 3), taken=False)
    yield form(w(1, 5, 9, 7), w(6, 5, 3, 3), taken=False)
    for strides in ((1, 2), (3, 1), (5, 7)):
        yield form(x(1, 3, 12, 12), w(4, 3, 2, 3), strides=strides, taken=True)
    for dilation in ((1, 3), (2, 2), (5, 1)):
        yield form(x(1, 3, 14, 14), w(4, 3, 3, 3), dilation=dilation, taken=True)
    for padding in ((0, 0, 0, 0), (4, 1, 0, 3), (0, 6, 6, 0)):
        yield form(x(1, 3, 6, 6), w(4, 3, 4, 4), padding=padding, taken=True)
    yield form(x(1, 1, 2, 2), w(1, 1, 1, 1), padding=(0, 0, 0, 32767), taken=True)
    yield form(x(1, 1, 2, 2), w(1, 1, 1, 1), padding=(0, 0, 32768, 0), taken=False)
    for groups, outputs, depth in ((2, 6, 3), (6, 6, 1), (6, 12, 1), (3, 3, 2), (8, 24, 2)):
        yield form(x(1, groups * depth, 5, 5), w(outputs, depth, 3, 3), groups=groups, taken=True)
    yield form(x(1, 3, 11, 11), w(2, 3, 11, 11), taken=True)
    taps = quarter // (hw["depth"] * hw["columns"])
    yield form(x(1, 2, 1, taps), w(3, 2, 1, taps), taken=True)
    yield form(x(1, 2, 1, taps + 1), w(3, 2, 1, taps + 1), taken=False)
    reach = quarter // hw["depth"]
    yield form(x(1, 2, 2, reach), w(3, 2, 1, 2), dilation=(1, reach // 2), taken=True)
    yield form(x(1, 2, 2, reach + 3), w(3, 2, 1, 2), dilation=(1, reach // 2 + 1), taken=False)
    depth = quarter // hw["columns"]
    if depth <= hw["products"]:
        yield form(x(1, 2 * depth, 1, 1), w(2, depth, 1, 1), groups=2, taken=True)
        yield form(x(1, 2 * depth + 2, 1, 1), w(2, depth + 1, 1, 1), groups=2, taken=False)


def conv1d(hw: Figures) -> Iterator[Form]:
    taps = hw["scratchpad"] // 16 // (hw["depth"] * hw["columns"])
    yield form(x(2, 5, 17), w(6, 5, 3), padding=(1, 2), taken=True)
    yield form(x(1, 5, 17), w(6, 5, 3, axis=0), strides=3, dilation=4, taken=True)
    yield form(x(1, 6, 17), w(6, 1, 3), groups=6, taken=True)
    yield form(x(1, 1, 3 * taps), w(2, 1, taps), strides=taps // 2, taken=True)
    yield form(x(1, 1, 3 * taps), w(2, 1, taps + 1), taken=False)


def conv2d_transpose(hw: Figures) -> Iterator[Form]:
    for strides in ((1, 1), (2, 2), (3, 1), (4, 4)):
        yield form(x(2, 5, 4, 3), w(5, 6, *strides), strides=strides, taken=True)
    yield form(x(1, 5, 4, 3), w(5, 6, 3, 3), strides=(2, 2), taken=False)
    yield form(x(1, 5, 4, 3), w(5, 6, 2, 2), strides=(2, 2), padding=(1, 1, 1, 1), taken=False)
    yield form(x(1, 5, 4, 3), w(5, 6, 2, 2), strides=(2, 2), output_padding=(1, 1), taken=False)
    yield form(x(1, 4, 4, 3), w(4, 3, 2, 2), strides=(2, 2), groups=2, taken=False)


def matmul(hw: Figures) -> Iterator[Form]:
    for lead in ((), (3,), (2, 3), (2, 1, 3)):
        yield form(x(*lead, 4, 5), w(5, 6), taken=True)
        yield form(x(*lead, 4, 5), x(*lead, 5, 6), taken=True)
    yield form(x(2, 4, 5), w(2, 5, 6), taken=True)
    yield form(x(4, 5), w(5, 6, axis=1), taken=True)
    yield form(x(4, 5), w(5, 6, axis=0))
    yield form(x(2, 4, 5), x(5, 6), taken=True)
    yield form(x(2, 4, 5), x(1, 5, 6), taken=False)
    yield form(x(4, 5), w(5), taken=False)
    yield form(x(5), w(5, 6), taken=False)
    yield form(w(4, 5), x(5, 6), taken=False)
    yield form(x(1, hw["products"]), w(hw["products"], 2), taken=True)
    yield form(x(1, hw["products"] + 1), w(hw["products"] + 1, 2))


def pool2d(_: Figures) -> Iterator[Form]:
    yield form(x(2, 5, 9, 7), pool_size=(3, 2), strides=(2, 1), taken=True)
    yield form(x(1, 5, 9, 7), pool_size=(3, 3), padding=(2, 1, 0, 2), taken=True)
    yield form(x(1, 5, 9, 7), pool_size=(3, 3), padding=(3, 0, 0, 0), taken=False)
    yield form(x(1, 5, 9, 7), pool_size=(9, 7), taken=True)
    yield form(x(1, 5, 9, 7), pool_size=(2, 2), strides=(9, 8), taken=True)
    yield form(x(1, 5, 9, 8), pool_size=(2, 2), strides=(2, 3), ceil_mode=True, taken=True)
    yield form(x(1, 5, 9, 7), pool_size=(2, 2), dilation=(2, 1), taken=False)
    yield form(x(1, 9, 7, 5), pool_size=(2, 2), layout="NHWC", taken=False)
    yield form(w(1, 5, 9, 7), pool_size=(2, 2), taken=False)
    yield form(x(1, 3, 40, 50), pool_size=(40, 50), taken=True)


def avg_pool2d(hw: Figures) -> Iterator[Form]:
    yield from pool2d(hw)
    counted = {"padding": (1, 1, 1, 1), "count_include_pad": True}
    yield form(x(1, 5, 9, 7), pool_size=(3, 3), **counted, taken=True)
    yield form(
        x(1, 5, 8, 7), pool_size=(3, 3), strides=(2, 2), ceil_mode=True, **counted, taken=False
    )


def adaptive(_: Figures) -> Iterator[Form]:
    yield form(x(2, 5, 9, 7), output_size=(1, 1), taken=True)
    yield form(x(2, 5, 9, 7), output_size=(2, 1), taken=False)


def mean(_: Figures) -> Iterator[Form]:
    yield form(x(2, 5, 9, 7), axis=[2, 3], taken=True)
    yield form(x(2, 5, 9, 7), axis=[-2, -1], keepdims=True, taken=True)
    yield form(x(2, 5, 9, 7), axis=[3], taken=False)
    yield form(x(5, 9, 7), axis=[1, 2], taken=False)


def batch_norm(_: Figures) -> Iterator[Form]:
    for shape in ((2, 5), (2, 5, 3), (2, 5, 3, 2)):
        vectors = [w(5, positive=True) for _ in range(4)]
        yield form(x(*shape), *vectors, axis=1, training=False, taken=True)
    vectors = [w(3, positive=True) for _ in range(4)]
    yield form(x(2, 5, 3), *vectors, axis=2, training=False, taken=False)
    yield form(x(2, 3, 5), *vectors, axis=1, training=True, taken=False)


def layer_norm(hw: Figures) -> Iterator[Form]:
    for shape in ((7,), (3, 7), (2, 3, 7), (2, 3, 4, 7)):
        yield form(x(*shape), w(7), w(7), axes=[-1], taken=True)
    yield form(x(2, 3, 7), w(3, 7), w(3, 7), axes=[1, 2], taken=False)
    yield form(x(2, 7), x(7), w(7), axes=[-1], taken=False)
    row = hw["scratchpad"] // 32
    yield form(x(2, row), w(row), w(row), axes=[-1], taken=True)
    yield form(x(2, row + 1), w(row + 1), w(row + 1), axes=[-1], taken=False)


def softmax(hw: Figures) -> Iterator[Form]:
    for shape in ((7,), (3, 7), (2, 3, 7), (2, 3, 4, 7)):
        yield form(x(*shape), axis=-1, taken=True)
    yield form(x(2, 5, 1, 1), axis=1, taken=True)
    yield form(x(2, 5, 1, 2), axis=1, taken=False)
    row = hw["scratchpad"] // 32
    yield form(x(2, row), axis=-1, taken=True)
    yield form(x(2, row + 1), axis=-1, taken=False)


def arithmetic(_: Figures) -> Iterator[Form]:
    for shape in ((), (1,), (5,), (3, 1, 1), (4, 3, 6, 5), (6, 5), (1, 3, 1, 5), (4, 1, 1, 1)):
        yield form(x(4, 3, 6, 5), w(*shape, positive=True), taken=True)
        yield form(w(*shape), x(4, 3, 6, 5), taken=True)
        if shape:
            yield form(x(4, 3, 6, 5), x(*shape), taken=True)
            yield form(x(*shape), x(4, 3, 6, 5), taken=True)
    yield form(x(2, 1, 3), x(1, 4, 1), taken=False)
    yield form(x(7), x(7), taken=True)
    yield form(x(1, 2, 3, 4, 5), x(1, 2, 3, 4, 5), taken=True)
    yield form(x(1, 2, 1, 3, 4, 5), x(5), taken=False)


def power(_: Figures) -> Iterator[Form]:
    for exponent in (0.5, 2.0, 3.0, -1.0):
        yield form(x(3, 4), np.float32(exponent), taken=True)
    yield form(x(3, 4), w(4, positive=True), taken=False)
    yield form(x(3, 4), x(3, 4), taken=False)


def function(_: Figures) -> Iterator[Form]:
    for shape in ((7,), (3, 7), (2, 3, 4, 5), (1, 2, 3, 4, 5)):
        yield form(x(*shape), taken=True)
    yield form(x(1, 1, 1, 2, 3, 4), taken=False)
    yield form(x(3, 0), taken=False, run=False)
    yield form(x(2**29 - 64), taken=True, run=False)
    yield form(x(2**31), taken=False, run=False)


def clip(_: Figures) -> Iterator[Form]:
    yield form(x(3, 7), -0.5, 1.5, taken=True)
    yield form(x(2, 3, 4, 5), 0, 6, taken=True)


def leakyrelu(_: Figures) -> Iterator[Form]:
    for alpha in (0.0, 0.125, 1.5):
        yield form(x(2, 3, 4, 5), alpha, taken=True)


def concat(_: Figures) -> Iterator[Form]:
    yield form((x(2, 3, 4), x(2, 1, 4)), axis=1, taken=True)
    yield form((x(2, 3, 4), x(2, 3, 4), w(2, 3, 4)), axis=-1, taken=True)
    yield form((x(5), x(7)), axis=0, taken=True)
    yield form((x(5), x(7)), axis=None, taken=False)
    yield form((x(1, 2, 2, 3, 1), x(1, 2, 2, 3, 1)), axis=4, taken=True)


def reshape(_: Figures) -> Iterator[Form]:
    for shape in ((24,), (4, 6), (1, 2, 3, 4), (2, 1, 3, 1, 4)):
        yield form(x(2, 3, 4), shape, taken=True)
    yield form(x(2, 3, 4), (1, 2, 1, 3, 1, 4), taken=False)


def permute_dims(_: Figures) -> Iterator[Form]:
    for axes in ((1, 0), (0, 2, 1), (2, 0, 1), (0, 2, 3, 1), (0, 3, 1, 2), (4, 1, 3, 0, 2)):
        yield form(x(*range(2, 2 + len(axes))), axes=axes, taken=True)
    yield form(x(2, 3, 4), axes=None, taken=True)


def squeeze(_: Figures) -> Iterator[Form]:
    yield form(x(2, 1, 3, 1), axis=[1], taken=True)
    yield form(x(2, 1, 3, 1), axis=None, taken=True)


def expand_dims(_: Figures) -> Iterator[Form]:
    yield form(x(2, 3), axis=[0, -1], taken=True)
    yield form(x(1, 2, 3, 4, 5), axis=[0], taken=False)


def split(_: Figures) -> Iterator[Form]:
    yield form(x(2, 6, 3), 3, axis=1, taken=True)
    yield form(x(2, 6, 3), [1, 4], axis=-2, taken=True)
    yield form(x(7), [3], axis=0, taken=True)


def strided_slice(_: Figures) -> Iterator[Form]:
    yield form(x(4, 6, 5), [1, 2], [2, -4], [5, 99], taken=True)
    yield form(x(4, 6, 5), [0], [1], [3], [1], taken=True)
    yield form(x(4, 6, 5), [1], [0], [6], [2], taken=False)
    yield form(x(4, 6, 5), [1], [3], [3], taken=False, run=False)


def pad(_: Figures) -> Iterator[Form]:
    yield form(x(2, 3, 4), (0, 0, 1, 2, 0, 3), pad_value=0.5, taken=True)
    yield form(x(3, 4), (2, 0, 0, 1), taken=True)
    yield form(x(3, 4), (1, 1, 1, 1), pad_mode="reflect", taken=False)


def resize2d(_: Figures) -> Iterator[Form]:
    nearest = {
        "layout": "NCHW",
        "method": "nearest_neighbor",
        "coordinate_transformation_mode": "asymmetric",
        "rounding_method": "floor",
    }
    yield form(x(1, 3, 4, 5), (8, 15), **nearest, taken=True)
    yield form(x(1, 3, 4, 5), (4, 5), **nearest, taken=True)
    yield form(x(1, 3, 4, 5), (6, 10), **nearest, taken=False)
    yield form(x(1, 3, 4, 5), (8, 10), **nearest | {"method": "linear"}, taken=False)
    yield form(
        x(1, 3, 4, 5),
        (8, 10),
        **nearest | {"coordinate_transformation_mode": "half_pixel"},
        taken=False,
    )


FORMS: Final[Mapping[str, Callable[[Figures], Iterator[Form]]]] = {
    "nn.conv2d": conv2d,
    "nn.conv1d": conv1d,
    "nn.conv2d_transpose": conv2d_transpose,
    "matmul": matmul,
    "nn.max_pool2d": pool2d,
    "nn.avg_pool2d": avg_pool2d,
    "nn.adaptive_avg_pool2d": adaptive,
    "mean": mean,
    "nn.batch_norm": batch_norm,
    "nn.layer_norm": layer_norm,
    "nn.softmax": softmax,
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "maximum", "minimum"), arithmetic),
    "power": power,
    **dict.fromkeys(("nn.relu", "sigmoid", "tanh", "abs", "nn.silu", "nn.gelu"), function),
    **dict.fromkeys(("nn.gelu_tanh", "negative", "exp", "log", "sqrt", "rsqrt"), function),
    **dict.fromkeys(("erf", "square"), function),
    "clip": clip,
    "nn.leakyrelu": leakyrelu,
    "concat": concat,
    "reshape": reshape,
    "permute_dims": permute_dims,
    "squeeze": squeeze,
    "expand_dims": expand_dims,
    "split": split,
    "strided_slice": strided_slice,
    "nn.pad": pad,
    "image.resize2d": resize2d,
}
"""What makes the forms of each op."""

ELSEWHERE: Final = {
    "quantize": "in the quantised form of every op",
    "dequantize": "in the quantised form of every op",
    "onnx.LRN": "families",
    "onnx.HardSigmoid": "families",
    "onnx.HardSwish": "families",
    "onnx.LSTM": "nothing is taken",
    "onnx.GRU": "nothing is taken",
    "take": "nothing is taken",
}
"""Ops of the table that no form is made of, and where they are tried."""

POSITIVE: Final = ("log", "sqrt", "rsqrt", "power", "divide")
"""Ops that are tried with numbers above 0, plain."""


def cases(chip: str = "medium", *, ops: Sequence[str] = ()) -> Iterator[Case]:
    """The cases of `ops` (all when none are named) for a chip, in order of the table."""
    bound = Plugins.discover().spec("npu", {"chip": chip}).bind({"chip": chip})
    assert bound is not None
    for op, rows in bound.ops.items():
        if op in ELSEWHERE or (ops and op not in ops):
            continue
        quantised = any(row.qdq for row in rows)
        for index, spec in enumerate(FORMS[op](bound.hardware)):
            yield Case(f"{op}-{index}", op, "float32", "plain", spec)
            if quantised and op != "divide":
                dtype = EIGHT[index % 2]
                yield Case(f"{op}-{index}-{dtype}", op, dtype, "qdq", spec)
            for dtype in ("int8", "float16", "int32", "float64") if index == 0 else ():
                case = Case(f"{op}-{index}-plain-{dtype}", op, dtype, "plain", spec)
                if _is_typed(case):
                    yield case


def _is_typed(case: Case) -> bool:
    """Whether TVM has the op for the dtype."""
    try:
        return bool(case.module)
    except TypeError:
        return False


class _Module:
    """The model of one case. Scales are powers of two, so that everything but sums of many products is exact."""

    def __init__(self, case: Case) -> None:
        self.case, self.rng = case, np.random.default_rng(0)
        self.params: list[Any] = []
        self.bound: list[Any] = []
        self.builder = relax.BlockBuilder()
        self.made = self._module()

    def _module(self) -> IRModule:
        case = self.case
        operands = [self._declared(each) for each in case.spec.operands]
        keywords = dict(case.spec.keywords)
        function = attrgetter(case.op)(relax.op)
        with self.builder.function("main", self.params):
            with self.builder.dataflow():
                given = [self._read(each) for each in operands]
                result = self.builder.emit(function(*given, **keywords), name_hint="made")
                parts = self._parts(result)
                results = [self._stored(each) for each in parts]
                beside = self._beside(results[0])
                out = self.builder.emit_output(ir.Tuple([*results, *beside]))
            self.builder.emit_func_output(out)
        return self.builder.finalize()

    def _declared(self, operand: Any) -> Any:
        """A parameter for what is computed, data for what is constant."""
        if isinstance(operand, tuple) and operand and isinstance(operand[0], X | W):
            return tuple(self._declared(each) for each in operand)
        if isinstance(operand, X):
            name = f"x{len(self.params)}"
            self.params.append(relax.Var(name, relax.TensorType(operand.shape, self.case.dtype)))
            return self.params[-1]
        if isinstance(operand, W):
            return (operand, self._data(operand))
        return relax.const(operand) if isinstance(operand, np.generic) else operand

    def _data(self, operand: W) -> Any:
        dtype = np.dtype(self.case.dtype)
        if dtype.kind == "f":
            data = self.rng.standard_normal(operand.shape)
            return np.asarray(np.abs(data) + 0.5 if operand.positive else data, dtype)
        low, high = (-3, 4) if operand.axis is None else (-100, 100)
        return np.asarray(self.rng.integers(low, high, operand.shape) % 128, dtype)

    def _read(self, operand: Any) -> Any:
        """The value of an operand, dequantised in the quantised form."""
        if isinstance(operand, tuple) and operand and isinstance(operand[0], W):
            return self._real(relax.const(operand[1], self.case.dtype), operand[0])
        if isinstance(operand, tuple) and operand and isinstance(operand[0], relax.Var | tuple):
            return ir.Tuple([self._read(each) for each in operand])
        return self._real(operand, None) if isinstance(operand, relax.Var) else operand

    def _real(self, value: Any, weight: W | None) -> Any:
        if self.case.form == "plain":
            return value
        scale, zero, axis = np.float32(0.125), np.int8(3), 0
        scales, zeros = np.asarray(scale), np.asarray(zero)
        if weight is not None:
            scales, zeros = np.asarray(np.float32(0.0625)), np.asarray(np.int8(0))
        if weight is not None and weight.axis is not None:
            axis, count = weight.axis, weight.shape[weight.axis]
            scales = (2.0 ** -(np.arange(count) % 5)).astype("float32")
            zeros = np.zeros(count, "int8")
        call = relax.op.dequantize(
            value,
            relax.const(scales, "float32"),
            relax.const(zeros.astype(self.case.dtype), self.case.dtype),
            axis=axis,
            out_dtype="float32",
        )
        return self.builder.emit(call)

    def _parts(self, result: Any) -> list[Any]:
        if self.case.op == "nn.batch_norm":
            return [self.builder.emit(ir.TupleGetItem(result, 0))]
        if not isinstance(result.ty, relax.TupleType):
            return [result]
        count = len(result.ty.fields)
        return [self.builder.emit(ir.TupleGetItem(result, place)) for place in range(count)]

    def _stored(self, value: Any) -> Any:
        if self.case.form == "plain":
            return value
        dtype = self.case.dtype
        scale, zero = relax.const(np.float32(0.25)), relax.const(np.asarray(5, dtype), dtype)
        return self.builder.emit(relax.op.quantize(value, scale, zero, out_dtype=dtype))

    def _beside(self, value: Any) -> list[Any]:
        """The softmax, over rows that any chip has room for; none of what it does not take."""
        shape = [int(each) for each in value.ty.shape.values]
        if math.prod(shape) == 0 or str(value.ty.dtype) == "int32":
            return []
        if str(value.ty.dtype) in EIGHT:
            dtype = str(value.ty.dtype)
            scale, zero = relax.const(np.float32(0.25)), relax.const(np.asarray(5, dtype), dtype)
            value = self.builder.emit(relax.op.dequantize(value, scale, zero, out_dtype="float32"))
        width = max(each for each in range(1, 65) if math.prod(shape) % each == 0)
        rows = self.builder.emit(relax.op.reshape(value, (math.prod(shape) // width, width)))
        return [self.builder.emit(relax.op.nn.softmax(rows, axis=-1))]
