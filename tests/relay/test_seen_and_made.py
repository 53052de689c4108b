"""What checks see of every op, made again by `byoc.relay.op`'s way, is the same op: attributes, operands, order."""

from __future__ import annotations

from typing import Any

import pytest
from tvm import IRModule

from byoc.frontends.model import Model
from byoc.relay.expr import Call
from byoc.relay.expr_functor import ExprMutator
from tests.frontends.relay.canonical import difference
from tests.frontends.relay.catalogue import Case, cases

CASES = list(cases())

APART = {
    "arange": "Relay has what it is made of as operands",
    "argmax": "Relay has places of 32 bits",
    "argmin": "Relay has places of 32 bits",
    "einsum": "checks see it by Relax's attributes",
    "full": "a constant",
    "index_tensor": "Relay has another operator",
    "nn.batch_norm": "Relay has none for training",
    "ones": "a constant",
    "tril": "Relay has one operator for both",
    "triu": "Relay has one operator for both",
    "vision.non_max_suppression": "checks see it by Relax's attributes",
    "zeros": "a constant",
}
"""Ops that cannot be made from what is seen of them, and why."""


class Copy(ExprMutator):
    """Makes every call again."""

    def visit_call(self, call: Any) -> Any:
        return Call(call.op, [self.visit(arg) for arg in call.args], call.attrs, None, call.span)


def copied(case: Case) -> tuple[Model, Model]:
    model = case.model()
    module = IRModule(dict(model.module.functions.items()))
    module["main"] = Copy().visit(module["main"])
    return model, Model("copy", module)


def axes_apart(case: Case) -> bool:
    """New axes with others in between, which Relay puts in one call after the other."""
    return case.op == "expand_dims" and bool(case.otherwise)


KEPT = [each for each in CASES if each.op not in APART and not axes_apart(each)]


@pytest.mark.parametrize(
    "case", KEPT, ids=[f"{place}-{each.op}" for place, each in enumerate(KEPT)]
)
def test_an_op_is_seen_as_what_makes_it(case: Case) -> None:
    model, made = copied(case)
    if difference(made.module, model.module) == "":
        return
    # Axes are seen counted from the front, dtypes where Relax has none: the same by another attribute.
    case.computes_as(made)


def test_ops_apart_are_in_the_catalogue() -> None:
    assert sorted(APART.keys() - {case.op for case in CASES}) == []
