"""Operators whose result is told by indices or by a formula over axes."""

from __future__ import annotations

from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation

FAMILY = Family("Indexing")


@FAMILY.operator("adv_index", "`index_tensor`")
def adv_index(op: Operation) -> Any:
    """The elements of the first of a tuple at the places that the others name along its axes."""
    data, *indices = op.exprs()
    if not indices:
        op.misfit("there are no indices")
    return relax.op.index_tensor(data, indices)


@FAMILY.operator("einsum", "`einsum`", equation="")
def einsum(op: Operation) -> Any:
    """Sums of products in Einstein's notation."""
    return relax.op.einsum(op.exprs(), op["equation"])


@FAMILY.operator("reverse_sequence", "`reverse_sequence`", arguments=2, seq_axis=1, batch_axis=0)
def reverse_sequence(op: Operation) -> Any:
    """The first elements of each sequence from their end, as many as it has."""
    return relax.op.reverse_sequence(op.expr(0), op.expr(1), op["seq_axis"], op["batch_axis"])
