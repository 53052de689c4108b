"""Quantised operators as Relay computes them: integer by integer, in what its QNN passes lower them to.

`INTEGER` says what converts an operator in this form; an operator that is not in it has one form alone. Sources,
of TVM 0.13 to 0.18: `src/relay/qnn/op`, `src/relay/qnn/utils.cc`, `src/target/intrin_rule.cc` and
`python/tvm/relay/qnn/op/legalizations.py`.
"""

from __future__ import annotations

from byoc.frontends.relay.operation import Convert
from byoc.frontends.relay.ops.integer import (
    functions,
    means,
    pairs,
    products,
    scaling,
)

__all__ = ["INTEGER"]

INTEGER: dict[str, Convert] = {
    name: convert
    for part in (scaling, products, pairs, functions, means)
    for name, convert in part.CONVERSIONS.items()
}
"""What converts each operator that has a form of its own here."""
