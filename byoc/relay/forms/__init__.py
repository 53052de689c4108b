"""What Relay's operators are in Relax: how a pattern of each is built, and how a match of it is shown to checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from byoc.relay.forms._form import Built, Form, Operand, Plain, is_stated, real
from byoc.relay.forms.linear import BatchMatmul, Dense, Matmul
from byoc.relay.forms.nn import BatchFlatten, BiasAdd, Cast, GlobalPool
from byoc.relay.forms.qnn import QnnBinary, QnnConv2d, QnnDense, QnnUnary, Requantize

__all__ = ["FORMS", "Built", "Form", "Operand", "Plain", "is_stated", "real"]

FORMS: Final[Mapping[str, Form]] = {
    "cast": Cast(),
    "nn.batch_flatten": BatchFlatten(),
    "nn.batch_matmul": BatchMatmul(),
    "nn.bias_add": BiasAdd(),
    "nn.dense": Dense(),
    "nn.global_avg_pool2d": GlobalPool("mean"),
    "nn.global_max_pool2d": GlobalPool("max"),
    "nn.matmul": Matmul(),
    "qnn.add": QnnBinary("add"),
    "qnn.conv2d": QnnConv2d(),
    "qnn.dense": QnnDense(),
    "qnn.leaky_relu": QnnUnary("nn.leakyrelu"),
    "qnn.mul": QnnBinary("multiply"),
    "qnn.requantize": Requantize(),
    "qnn.sigmoid": QnnUnary("sigmoid"),
    "qnn.softmax": QnnUnary("nn.softmax"),
    "qnn.subtract": QnnBinary("subtract"),
    "qnn.tanh": QnnUnary("tanh"),
}
"""Operators that Relax spells otherwise; all others are rows of `byoc.relay.names`."""
