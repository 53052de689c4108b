"""Strategies of calls of quantised operators: scales, zero points, shapes, roundings, layouts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.frontends.relay.qnn_arithmetic import Array
from tests.frontends.relay.qnn_networks import HEADER

Draw = Callable[[Any], Any]


@dataclass
class Case:
    """A text of one call with what it reads: inputs that are given when it runs, and constants."""

    draw: Draw
    inputs: dict[str, Array] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    result: str = ""

    def random(self) -> np.random.Generator:
        """Numbers that hypothesis can name."""
        return np.random.default_rng(self.draw(st.integers(0, 2**32 - 1)))

    def number(self, low: int, high: int) -> int:
        """A whole number."""
        found: int = self.draw(st.integers(low, high))
        return found

    def one(self, *choices: Any) -> Any:
        """One of these."""
        return self.draw(st.sampled_from(choices))

    def stored(self, dtype: str, *shape: int) -> str:
        """An input of stored integers, all of the range."""
        limits = np.iinfo(dtype)
        array = self.random().integers(limits.min, limits.max + 1, shape).astype(dtype)
        return self._name(self.inputs, array)

    def weight(self, dtype: str, *shape: int) -> str:
        """A constant of stored integers."""
        limits = np.iinfo(dtype)
        array = self.random().integers(limits.min, limits.max + 1, shape).astype(dtype)
        return self._name(self.constants, array)

    def given(self, array: Array) -> str:
        """An input."""
        return self._name(self.inputs, array)

    def constant(self, array: Array) -> str:
        """A constant."""
        return self._name(self.constants, array)

    def _name(self, among: dict[str, Array], array: Array) -> str:
        name = f"p{len(self.inputs) + len(self.constants)}"
        among[name] = array
        return f"%{name}"

    def scale(self, least: int = -10, most: int = 2) -> float:
        """A scale of 32 bits, often a power of two."""
        exponent = self.number(least, most)
        if self.draw(st.booleans()):
            return float(2.0**exponent)
        return float(np.float32(self.draw(st.floats(1, 2)) * 2.0**exponent))

    def zero(self, dtype: str) -> int:
        """A zero point, often none."""
        limits = np.iinfo(dtype)
        return self.number(limits.min, limits.max) if self.draw(st.booleans()) else 0

    def text(self) -> str:
        """The module."""
        params = ", ".join(
            f"%{name}: Tensor[({''.join(f'{dim}, ' for dim in array.shape)}), {array.dtype}]"
            for name, array in sorted(
                {**self.inputs, **self.constants}.items(), key=lambda item: int(item[0][1:])
            )
        ).replace(", )", ")")
        return f"{HEADER}def @main({params}) {{\n  {self.result}\n}}\n"


def literal(value: float) -> str:
    """A float of 32 bits as Relay prints it."""
    return f"{value!r}f"


def _requantize(case: Case) -> None:
    dtype = case.one("int32", "int32", "int8", "uint8", "int16")
    shape = tuple(case.number(1, 4) for _ in range(case.number(1, 4)))
    axis = case.number(0, len(shape) - 1)
    wanted = case.scale()
    vector = case.draw(st.booleans())
    count = shape[axis]
    scales = [case.one(case.scale(), wanted) for _ in range(count if vector else 1)]
    ratio = max(1.0, *[scale / wanted for scale in scales])
    reach = case.one(300, 70_000, 2**31)
    bound = min(int(min(reach, 2**31 / ratio) - 1), int(np.iinfo(dtype).max))
    data = case.random().integers(max(-bound, np.iinfo(dtype).min), bound + 1, shape)
    zero = case.number(-100, 100) if bound < 2**30 and case.draw(st.booleans()) else 0
    if zero and ratio * (bound + 100) >= 2**31:
        zero = 0
    out = case.one("int8", "uint8", "int16", "int32")
    wanted_zero = case.number(-128, 127) if out != "int32" else 0
    name = case.given(data.astype(dtype))
    given = literal(scales[0])
    before = str(zero)
    if vector:
        given = case.constant(np.asarray(scales, np.float32))
        before = case.one(before, case.constant(np.full(count, zero, np.int32)))
    where = case.one(axis, axis - len(shape)) if vector else -1
    rounding = case.one("", ', rounding="UPWARD"', ', rounding="TONEAREST"')
    compute = case.one("", ', compute_dtype="int64"', ', compute_dtype="float64"')
    if bound < 2**22:
        compute = case.one(compute, ', compute_dtype="float32"')
    case.result = (
        f"qnn.requantize({name}, {given}, {before}, {literal(wanted)}, {wanted_zero}, axis={where}"
        f'{rounding}{compute}, out_dtype="{out}")'
    )


def _reals(case: Case, *shape: int) -> Array:
    """Floats at halves and near them, and some beyond any range."""
    random = case.random()
    array = random.normal(scale=60, size=shape)
    array = np.where(random.random(shape) < 0.5, np.round(array * 2) / 2, array)
    far = random.random(shape) < 0.05
    return np.where(far, random.choice([1e9, -1e9, 3e38, -3e38], shape), array).astype(np.float32)


def _quantize(case: Case) -> None:
    out = case.one("int8", "uint8", "int16", "uint16")
    channels = case.number(1, 4)
    name = case.given(_reals(case, 2, channels, 5))
    scale, zero = literal(case.scale(-4, 1)), str(case.zero(out))
    if case.draw(st.booleans()):
        scale = case.constant(np.asarray([case.scale(-4, 1) for _ in range(channels)], np.float32))
        zero = case.constant(np.asarray([case.zero(out) for _ in range(channels)], np.int32))
    axis = case.one(1, -2)
    case.result = f'qnn.quantize({name}, {scale}, {zero}, out_dtype="{out}", axis={axis})'


def _dequantize(case: Case) -> None:
    dtype = case.one("int8", "uint8", "int16", "uint16", "int32")
    channels = case.number(1, 4)
    name = case.stored(dtype, 2, channels, 5)
    scale, zero = literal(case.scale()), str(case.zero("int8"))
    if case.draw(st.booleans()):
        scale = case.constant(np.asarray([case.scale() for _ in range(channels)], np.float32))
        zero = case.constant(np.asarray([case.zero("int8") for _ in range(channels)], np.int32))
    case.result = f"qnn.dequantize({name}, {scale}, {zero}, axis={case.one(1, -2)})"


def _zero_points(case: Case, dtype: str, kernel: str, channels: int) -> tuple[str, str]:
    zero = str(case.zero(dtype))
    if case.draw(st.integers(0, 3)):
        return zero, str(case.zero(kernel))
    return zero, case.constant(np.asarray([case.zero(kernel) for _ in range(channels)], np.int32))


def _permuted(shape: dict[str, int], layout: str) -> tuple[int, ...]:
    return tuple(shape[letter] for letter in layout)


def _conv2d(case: Case) -> None:
    dtype, kernel = case.one("int8", "uint8"), case.one("int8", "uint8")
    layout = case.one("NCHW", "NHWC")
    groups = case.one(1, 1, 2, 3)
    depthwise = groups > 1 and case.draw(st.booleans())
    per_group = 1 if depthwise else case.number(1, 3)
    inputs = groups * per_group
    channels = groups if depthwise else groups * case.number(1, 3)
    size = (case.number(1, 3), case.number(1, 3))
    filters = case.one("OIHW", "HWIO", "OHWI") if layout == "NHWC" else "OIHW"
    if depthwise:
        filters = case.one("HWOI", "OIHW") if layout == "NHWC" else "OIHW"
    data = case.stored(
        dtype, *_permuted({"N": 1, "C": inputs, "H": case.number(5, 7), "W": 6}, layout)
    )
    weight = case.weight(
        kernel,
        *_permuted({"O": channels, "I": per_group, "H": size[0], "W": size[1]}, filters),
    )
    zero, kernel_zero = _zero_points(case, dtype, kernel, channels)
    if kernel_zero.startswith("%") and groups > 1:
        kernel_zero = "0"
    padding = [case.number(0, 2) for _ in range(4)]
    dilation = case.one([1, 1], [2, 1])
    case.result = (
        f"qnn.conv2d({data}, {weight}, {zero}, {kernel_zero}, 0.5f, 0.25f, "
        f"strides={case.one([1, 1], [2, 1], [2, 2])}, padding={padding}, dilation={dilation}, "
        f"groups={groups}, channels={channels}, kernel_size={list(size)}, "
        f'data_layout="{layout}", kernel_layout="{filters}", '
        f'out_dtype="{case.one("int32", "int32", "int16", "int64")}")'
    )


def _conv2d_transpose(case: Case) -> None:
    dtype, kernel = case.one("int8", "uint8"), case.one("int8", "uint8")
    inputs, channels, size = case.number(1, 3), case.number(1, 3), case.number(2, 3)
    stride = case.number(1, 2)
    data = case.stored(dtype, 1, inputs, 4, 3)
    weight = case.weight(kernel, inputs, channels, size, size)
    case.result = (
        f"qnn.conv2d_transpose({data}, {weight}, {case.zero(dtype)}, {case.zero(kernel)}, 0.5f, "
        f"0.25f, strides=[{stride}, {stride}], padding={[case.number(0, 1) for _ in range(4)]}, "
        f"output_padding=[{case.number(0, stride - 1)}, 0], channels={channels}, "
        f'kernel_size=[{size}, {size}], out_dtype="int32")'
    )


def _dense(case: Case) -> None:
    dtype, kernel = case.one("int8", "uint8"), case.one("int8", "uint8")
    units, inputs = case.number(1, 4), case.number(1, 9)
    data = case.stored(dtype, case.number(1, 3), inputs)
    weight = case.one(case.weight, case.stored)(kernel, units, inputs)
    zero, kernel_zero = _zero_points(case, dtype, kernel, units)
    case.result = (
        f"qnn.dense({data}, {weight}, {zero}, {kernel_zero}, 0.5f, 0.25f, units={units}, "
        'out_dtype="int32")'
    )


def _batch_matmul(case: Case) -> None:
    dtype, other = case.one("int8", "uint8"), case.one("int8", "uint8")
    batch, inner = case.number(1, 3), case.number(1, 6)
    left = case.stored(dtype, batch, case.number(1, 4), inner)
    right = case.stored(other, batch, case.number(1, 4), inner)
    case.result = (
        f"qnn.batch_matmul({left}, {right}, {case.zero(dtype)}, {case.zero(other)}, 0.5f, 0.25f, "
        'out_dtype="int32")'
    )


def _pair(name: str) -> Callable[[Case], None]:
    def build(case: Case) -> None:
        dtype = case.one("int8", "uint8")
        channels = case.number(1, 3)
        left = case.stored(dtype, 2, channels, 4)
        right = case.stored(dtype, *case.one((2, channels, 4), (2, channels, 1), (1, channels, 4)))
        wanted, wanted_zero = case.scale(-5, 1), case.zero(dtype)
        vector = case.draw(st.integers(0, 2)) == 0
        ends = []
        for _ in range(2):
            scale = literal(case.one(case.scale(-5, 1), wanted))
            zero = str(case.one(case.zero(dtype), wanted_zero))
            if vector:
                numbers = [case.scale(-5, 1) for _ in range(channels)]
                scale = case.constant(np.asarray(numbers, np.float32))
                zeros = [case.zero(dtype) for _ in range(channels)]
                zero = case.constant(np.asarray(zeros, np.int32))
            ends += [scale, zero]
        axes = ", lhs_axis=1, rhs_axis=1" if vector else ""
        case.result = (
            f"qnn.{name}({left}, {right}, {', '.join(ends)}, {literal(wanted)}, "
            f"{wanted_zero}{axes})"
        )

    return build


def _concatenate(case: Case) -> None:
    dtype = case.one("int8", "uint8")
    wanted, wanted_zero = case.scale(-5, 1), case.zero(dtype)
    count, axis = case.number(1, 3), case.one(0, 1, -1)
    shapes = [[2, 3] for _ in range(count)]
    for shape in shapes:
        shape[axis] = case.number(1, 3)
    names = [case.stored(dtype, *shape) for shape in shapes]
    scales = [literal(case.one(case.scale(-5, 1), wanted)) for _ in names]
    zeros = [str(case.one(case.zero(dtype), wanted_zero)) for _ in names]
    parts = [f"({', '.join(each)}{',' * (count == 1)})" for each in (names, scales, zeros)]
    case.result = (
        f"qnn.concatenate({', '.join(parts)}, {literal(wanted)}, {wanted_zero}, axis={axis})"
    )


def _ends(case: Case, dtype: str) -> str:
    """The scales and zero points of an argument and of the result, sometimes the same."""
    scale, zero = case.scale(-6, 0), case.zero(dtype)
    wanted = case.one(scale, case.scale(-6, 0))
    return f"{literal(scale)}, {zero}, {literal(wanted)}, {case.one(zero, case.zero(dtype))}"


def _windows_begin_inside(size: list[int], strides: list[int], padding: list[int]) -> bool:
    """Whether no window of `ceil_mode` over 6 x 5 begins behind the image."""
    for extent, reach, step, before, after in zip(
        (6, 5), size, strides, padding[:2], padding[2:], strict=True
    ):
        last = (extent + before + after - reach + step - 1) // step * step
        if last >= extent + before:
            return False
    return True


def _avg_pool2d(case: Case) -> None:
    dtype, layout = case.one("int8", "uint8"), case.one("NCHW", "NHWC")
    data = case.stored(dtype, *_permuted({"N": 1, "C": 2, "H": 6, "W": 5}, layout))
    size = [case.number(1, 3), case.number(1, 3)]
    padding = [case.number(0, size[index % 2] - 1) for index in range(4)]
    strides = case.one([1, 1], [2, 2], [3, 2])
    ceil_mode = case.one(True, False) and _windows_begin_inside(size, strides, padding)
    case.result = (
        f"qnn.avg_pool2d({data}, {_ends(case, dtype)}, pool_size={size}, "
        f"strides={strides}, padding={padding}, "
        f"ceil_mode={ceil_mode}, count_include_pad={case.one(True, False)}, "
        f'layout="{layout}")'
    )


def _leaky_relu(case: Case) -> None:
    dtype = case.one("int8", "uint8")
    alpha = case.one(0.25, 0.1, 0.01, 0.5, case.draw(st.floats(0.001, 0.999)))
    data = case.stored(dtype, 3, 7)
    case.result = f"qnn.leaky_relu({data}, {_ends(case, dtype)}, alpha={alpha!r}f)"


def _softmax(case: Case) -> None:
    data = case.stored("int8", 2, case.number(1, 9))
    scale = case.scale(-6, 0)
    scale = min(scale, 1.0)
    case.result = (
        f"qnn.softmax({data}, {literal(scale)}, {case.zero('int8')}, {literal(1 / 256)}, "
        f"{case.one(-128, 0)}, axis={case.one(1, -1)})"
    )


def _function(name: str) -> Callable[[Case], None]:
    def build(case: Case) -> None:
        dtype = case.one("int8", "uint8")
        limits = np.iinfo(dtype)
        data = case.given(np.arange(limits.min, limits.max + 1).astype(dtype).reshape(16, 16))
        case.result = f"qnn.{name}({data}, {_ends(case, dtype)})"

    return build


CASES: dict[str, Callable[[Case], None]] = {
    "quantize": _quantize,
    "dequantize": _dequantize,
    "requantize": _requantize,
    "conv2d": _conv2d,
    "conv2d_transpose": _conv2d_transpose,
    "dense": _dense,
    "batch_matmul": _batch_matmul,
    "add": _pair("add"),
    "subtract": _pair("subtract"),
    "mul": _pair("mul"),
    "concatenate": _concatenate,
    "avg_pool2d": _avg_pool2d,
    "leaky_relu": _leaky_relu,
    "softmax": _softmax,
    **{
        name: _function(name)
        for name in (
            "abs",
            "erf",
            "exp",
            "hardswish",
            "log",
            "rsqrt",
            "sigmoid",
            "sqrt",
            "tanh",
        )
    },
}
"""What makes a call of each operator."""


@st.composite
def cases(draw: Any, name: str) -> Case:
    """A call of one operator."""
    case = Case(draw)
    CASES[name](case)
    return case
