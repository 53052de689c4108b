"""What Relay's operators are in Relax: how a pattern of each is built, and how a match of it is shown to checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from byoc.relay.forms._form import Built, Form, Operand, Plain, is_stated, real
from byoc.relay.forms.linear import BatchMatmul, Dense, Matmul
from byoc.relay.forms.moves import ByFirstAxis, OneHot
from byoc.relay.forms.nn import BatchFlatten, BiasAdd, Cast, GlobalPool
from byoc.relay.forms.qnn import (
    QnnBatchMatmul,
    QnnBinary,
    QnnConcatenate,
    QnnConv2d,
    QnnDense,
    QnnHardswish,
    QnnUnary,
    Requantize,
)
from byoc.relay.forms.sampling import Blocks, Upsampling
from byoc.relay.names import NAMES

__all__ = ["FORMS", "Built", "Form", "Operand", "Plain", "is_stated", "real"]

UNARY: Final = ("abs", "cos", "erf", "exp", "log", "rsqrt", "sigmoid", "sin", "sqrt", "tan", "tanh")
"""Operators that `qnn` has with the float operator's name."""

FORMS: Final[Mapping[str, Form]] = {
    "cast": Cast(),
    "gather_nd": ByFirstAxis(NAMES["gather_nd"]),
    "nn.batch_flatten": BatchFlatten(),
    "nn.batch_matmul": BatchMatmul(),
    "nn.bias_add": BiasAdd(),
    "nn.dense": Dense(),
    "nn.depth_to_space": Blocks(to_space=True),
    "nn.global_avg_pool2d": GlobalPool("mean"),
    "nn.global_max_pool2d": GlobalPool("max"),
    "nn.matmul": Matmul(),
    "nn.space_to_depth": Blocks(to_space=False),
    "nn.upsampling": Upsampling(),
    "one_hot": OneHot(NAMES["one_hot"]),
    "qnn.add": QnnBinary("add"),
    "qnn.avg_pool2d": QnnUnary("nn.avg_pool2d"),
    "qnn.batch_matmul": QnnBatchMatmul(),
    "qnn.concatenate": QnnConcatenate(),
    "qnn.conv2d": QnnConv2d("nn.conv2d"),
    "qnn.conv2d_transpose": QnnConv2d("nn.conv2d_transpose"),
    "qnn.dense": QnnDense(),
    "qnn.hardswish": QnnHardswish(),
    "qnn.leaky_relu": QnnUnary("nn.leaky_relu"),
    "qnn.mul": QnnBinary("multiply"),
    "qnn.requantize": Requantize(),
    "qnn.softmax": QnnUnary("nn.softmax"),
    "qnn.subtract": QnnBinary("subtract"),
    "scatter_nd": ByFirstAxis(NAMES["scatter_nd"]),
    **{f"qnn.{name}": QnnUnary(name) for name in UNARY},
}
"""Operators that Relax spells otherwise; all others are rows of `byoc.relay.names`."""
