from __future__ import annotations

import pickle

from tvm import relax

from byoc.partition.graph import read_module
from byoc.region import region
from tests.partition.graphs import candidate


def test_a_region_may_assert_a_type() -> None:
    """As every host call of an ONNX node does: a packed function and a match_cast."""
    builder = relax.BlockBuilder()
    loose, tensor = relax.TensorType(dtype="float32", ndim=2), relax.TensorType([4, 4], "float32")
    x = relax.Var("x", tensor)
    with builder.function("main", [x]):
        with builder.dataflow():
            made = builder.emit(relax.op.call_pure_packed("some.host.call", x, ty_args=loose), "a")
            cast = builder.match_cast(made, tensor, "b")
            result = builder.emit_output(relax.op.exp(cast), "c")
        builder.emit_func_output(result)
    (graph,) = read_module(builder.finalize())
    nodes = tuple(graph.names.index(name) for name in ("a", "b", "c"))
    for taken in (nodes, nodes[:2]):
        made = region(graph, candidate(graph, "npu", taken))
        (block,) = made.function.body.blocks
        assert [each.var.name for each in block.bindings][: len(taken)] == ["a", "b", "c"][
            : len(taken)
        ]
        assert [op.name for op in pickle.loads(pickle.dumps(made)).ops] == [
            op.name for op in made.ops
        ]
