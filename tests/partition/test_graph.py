from __future__ import annotations

from tvm import relax

from byoc.frontends.model import SourceGroup
from byoc.partition.graph import Kind, attach_groups, read_module


def test_a_group_belongs_to_the_block_that_binds_it_not_to_those_that_read_it() -> None:
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType([4, 4], "float32"))
    with builder.function("main", [x]):
        a = builder.emit(relax.op.exp(x), "a")
        b = builder.emit(relax.op.tanh(a), "b")
        with builder.dataflow():
            c = builder.emit_output(relax.op.nn.relu(b), "c")
        builder.emit_func_output(c)
    first, second = read_module(builder.finalize())
    group = SourceGroup("onnx.HardSwish", "node", ("a", "b"), {"X": "x"}, ("b",))
    for graph in (first, second):
        attach_groups(graph, {"main": (group,)})
    assert [each.nodes for each in first.groups] == [
        (first.names.index("a"), first.names.index("b"))
    ]
    assert second.kinds[second.names.index("b")] is Kind.INPUT
    assert second.groups == ()
