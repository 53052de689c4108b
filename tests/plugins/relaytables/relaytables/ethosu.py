"""Ethos-U, Arm's NPU for microcontrollers: a class for each composite reads the match and says whether it fits."""

import numpy as np

from byoc.relay import tvm
from byoc.relay.dataflow_pattern import is_constant, is_op, is_tuple, wildcard
from byoc.relay.expr import Call, Constant
from byoc.relay.register import register_pattern_table

EIGHT_BITS = ("int8", "uint8")
LARGEST = 65536


class Tensor:
    """A tensor with its scale and zero point."""

    def __init__(self, expr, scale=None, zero=None):
        self.values = expr.data.asnumpy() if isinstance(expr, Constant) else None
        self.dtype = expr.checked_type.dtype
        self.shape = [int(dim) for dim in expr.checked_type.shape]
        self.scale = None if scale is None else scale.data.asnumpy().astype("float32")
        self.zero = None if zero is None else zero.data.asnumpy()

    def fits(self, dtypes=EIGHT_BITS):
        return (
            self.dtype in dtypes and len(self.shape) <= 4 and max(self.shape, default=1) <= LARGEST
        )


class Product:
    """A convolution or a dense layer: product, bias, requantize, clip."""

    def __init__(self, body):
        self.activation = body if body.op.name == "clip" else None
        requantize = body.args[0] if self.activation else body
        inner = requantize.args[0]
        self.bias = Tensor(inner.args[1]) if inner.op.name == "nn.bias_add" else None
        made = inner.args[0] if self.bias else inner
        data, weight, data_zero, weight_zero, data_scale, weight_scale = made.args
        self.input = Tensor(data, data_scale, data_zero)
        self.weight = Tensor(weight, weight_scale, weight_zero)
        self.output = Tensor(body, requantize.args[3], requantize.args[4])
        self.attrs = made.attrs

    def is_valid(self):
        tensors = (self.input, self.weight, self.output)
        if not all(each.fits() for each in tensors) or self.input.shape[0] != 1:
            return False
        return self.bias is None or self.bias.dtype == "int32"


class Conv2D(Product):
    """Strides up to 3, dilation up to 2, kernels up to 64 rows and 4096 pixels."""

    depthwise = False

    def is_valid(self):
        attrs = self.attrs
        height, width = (
            (size - 1) * step + 1
            for size, step in zip(attrs.kernel_size, attrs.dilation, strict=True)
        )
        if (
            max(attrs.strides) > 3
            or max(attrs.dilation) > 2
            or height > 64
            or height * width > 4096
        ):
            return False
        if any(pad > bound for pad, bound in zip(attrs.padding, (31, 31, 32, 32), strict=True)):
            return False
        return (
            super().is_valid()
            and self.depthwise == (attrs.groups == attrs.channels)
            and self.sums_fit()
        )

    def sums_fit(self):
        """Whether the sum of a channel's weights keeps within the accumulator."""
        values = self.weight.values.astype("int64") - self.weight.zero.astype("int64").reshape(
            -1, 1, 1, 1
        )
        axis = tuple(self.attrs.kernel_layout.index(each) for each in "IHW")
        return np.amax(np.sum(np.abs(values), axis=axis)) <= 127 * 65536


class Depthwise(Conv2D):
    """Every channel by itself."""

    depthwise = True


class Dense(Product):
    """Matrices alone."""

    def is_valid(self):
        return super().is_valid() and len(self.input.shape) == 2


class Pool:
    """Windows up to 256 by 256."""

    def __init__(self, body):
        pool = body.args[0] if body.op.name == "cast" else body
        given = pool.args[0].args[0] if body.op.name == "cast" else pool.args[0]
        self.input, self.output, self.attrs = Tensor(given), Tensor(body), pool.attrs

    def is_valid(self):
        if not self.input.fits() or self.input.dtype != self.output.dtype:
            return False
        return (
            self.input.shape[0] == 1
            and max(self.attrs.pool_size) <= 256
            and max(self.attrs.strides) <= 3
        )


class Mean:
    """An average over both axes of an image."""

    def __init__(self, body):
        mean = body.args[0]
        cast = mean.args[0]
        assert isinstance(cast, Call)
        given = cast.args[0]
        self.input, self.output, self.attrs = Tensor(given), Tensor(body), mean.attrs

    def is_valid(self):
        return (
            self.input.fits(("int8",)) and self.output.fits(("int8",)) and len(self.attrs.axis) == 2
        )


class Binary:
    """Sums and products of tensors."""

    def __init__(self, body):
        left, right, *scales = body.args
        self.left, self.right = Tensor(left, *scales[:2]), Tensor(right, *scales[2:4])
        self.output = Tensor(body, *scales[4:])

    def is_valid(self):
        return self.left.fits() and self.right.fits() and self.left.dtype == self.right.dtype


class Concatenation:
    """Any number of tensors of one dtype."""

    def __init__(self, body):
        tensors, scales, zeros = (arg.fields for arg in body.args[:3])
        self.inputs = [Tensor(*each) for each in zip(tensors, scales, zeros, strict=True)]

    def is_valid(self):
        return all(each.fits() and each.dtype == self.inputs[0].dtype for each in self.inputs)


class Moved:
    """A reshape or a slice."""

    def __init__(self, body):
        self.input = Tensor(body.args[0])

    def is_valid(self):
        return self.input.fits(("int8",))


def constants(count):
    return [is_constant() for _ in range(count)]


def product(op_name):
    pattern = is_op(op_name)(wildcard(), *constants(5))
    pattern = pattern.optional(lambda x: is_op("nn.bias_add")(x, is_constant()))
    return is_op("qnn.requantize")(pattern, *constants(4)).optional(is_op("clip"))


def mean():
    return is_op("qnn.requantize")(is_op("mean")(is_op("cast")(wildcard())), *constants(4))


def checked(of):
    return lambda body: of(body).is_valid()


@register_pattern_table("ethosu")
def pattern_table() -> list[tuple[str, tvm.relay.dataflow_pattern.DFPattern]]:
    average = is_op("cast")(is_op("nn.avg_pool2d")(is_op("cast")(wildcard())))
    joined = is_op("qnn.concatenate")(is_tuple(None), *[wildcard() for _ in range(4)])
    return [
        ("ethosu.qnn_conv2d", product("qnn.conv2d"), checked(Conv2D)),
        ("ethosu.qnn_depthwise_conv2d", product("qnn.conv2d"), checked(Depthwise)),
        ("ethosu.qnn_fc", product("qnn.dense"), checked(Dense)),
        ("ethosu.max_pool2d", is_op("nn.max_pool2d")(wildcard()), checked(Pool)),
        ("ethosu.avg_pool2d", average, checked(Pool)),
        ("ethosu.mean", mean(), checked(Mean)),
        ("ethosu.add", is_op("qnn.add")(wildcard(), wildcard(), *constants(6)), checked(Binary)),
        ("ethosu.mul", is_op("qnn.mul")(wildcard(), wildcard(), *constants(6)), checked(Binary)),
        ("ethosu.concat", joined, checked(Concatenation)),
        ("ethosu.reshape", is_op("reshape")(wildcard()), checked(Moved)),
        ("ethosu.strided_slice", is_op("strided_slice")(wildcard()), checked(Moved)),
    ]
