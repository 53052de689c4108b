from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tvm.relax.backend.utils import has_leaking_intermediate_variables
from tvm.relax.dpl import is_op, wildcard

from byoc.errors import PatternError
from byoc.partition.graph import Graph, read_module
from byoc.partition.match import Match
from byoc.partition.patterns.ast import Row
from byoc.partition.patterns.tvm_check import check_context, run_tvm_check
from byoc.partition.patterns.tvm_dpl import rows_from_tvm
from byoc.partition.plan import Candidate
from byoc.partition.vendor import Vendor
from byoc.support.refusal import Refusal
from tests.partition.build import script


def checked(check: Any) -> tuple[Row, Graph, Candidate]:
    """A row with `check`, and its match in `r = relu(a = add(x, y)); e = exp(a)`."""
    lhs, rhs = wildcard(), wildcard()
    root = is_op("relax.add")(lhs, rhs)
    row = ("npu.p", is_op("relax.nn.relu")(root), {"lhs": lhs, "root": root}, check)
    (made,) = rows_from_tvm("npu", [row])
    graph = read_module(script("a = add(x, y); r = nn.relu(a) -> r", x=(4,), y=(4,)))[0]
    vendor = Vendor("npu", rows=(made,), check_row=lambda row, graph, each: [None] * len(each))
    (found,) = Match(vendor)(graph).candidates
    return made, graph, found


def test_the_context_is_what_tvm_checks_read() -> None:
    seen: list[Any] = []
    row, graph, candidate = checked(lambda context: seen.append(context) or True)
    assert run_tvm_check(row, graph, candidate) is None
    (context,) = seen
    assert context.annotated_expr["lhs"].same_as(graph.vars[graph.names.index("x")])
    assert context.annotated_expr["root"].same_as(graph.exprs[graph.names.index("a")])
    assert context.matched_expr.same_as(graph.exprs[graph.names.index("r")])
    assert [var.name for var in context.matched_bindings] == ["a", "r"]
    root = context.value_to_bound_var[context.annotated_expr["root"]]
    assert [var.name for var in context.var_usages[root]] == ["r"]
    assert not has_leaking_intermediate_variables(check_context(graph, candidate))


def test_what_a_check_answers() -> None:
    row, graph, candidate = checked(lambda context: False)
    assert run_tvm_check(row, graph, candidate) == Refusal(
        "check", "the check of pattern npu.p refuses it"
    )
    row, graph, candidate = checked(lambda context: Refusal("shape", "too wide"))
    assert run_tvm_check(row, graph, candidate) == Refusal("shape", "too wide")
    row, graph, candidate = checked(lambda context: context.annotated_expr["none"])
    refusal = run_tvm_check(row, graph, candidate)
    assert refusal is not None and "raised KeyError" in refusal.message


def test_a_check_that_is_not_tvms() -> None:
    row, graph, candidate = checked(lambda context: True)
    with pytest.raises(PatternError, match=r"npu\.p.*expected a TvmCheck"):
        run_tvm_check(replace(row, check=len), graph, candidate)
