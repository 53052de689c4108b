"""Random small programs: what is written means what TVM computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tvm import relax, tirx

from byoc.frontends import Model, from_module
from byoc.testing.run import run_model
from tests.codegen.export.regions import exported, run

op: Any = relax.op

_GROWN = relax.const(np.linspace(-1, 1, 24).reshape(4, 6).astype("float32"))
_BACK = relax.const(np.linspace(1, -1, 24).reshape(6, 4).astype("float32"))
_ROWS = relax.const(np.array([3, 0, 2, 1], "int64"))

# Each takes and gives tensors of shape (n, 4).
STEPS: list[Callable[[Any, Any, Any], Any]] = [
    lambda n, x, y: op.add(x, y),
    lambda n, x, y: op.subtract(x, op.mean(y, axis=[-1], keepdims=True)),
    lambda n, x, y: op.multiply(x, op.sigmoid(y)),
    lambda n, x, y: op.maximum(x, op.negative(y)),
    lambda n, x, y: op.nn.softmax(x, axis=-1),
    lambda n, x, y: op.nn.relu(op.floor(x)),
    lambda n, x, y: op.where(op.less(x, y), op.sin(x), y),
    lambda n, x, y: op.matmul(op.nn.gelu(op.matmul(x, _GROWN)), _BACK),
    lambda n, x, y: op.take(x, _ROWS, axis=1),
    lambda n, x, y: op.strided_slice(op.concat((x, y), axis=-1), [1], [2], [6]),
    lambda n, x, y: op.reshape(op.permute_dims(op.reshape(x, [n, 2, 2]), [0, 2, 1]), [n, 4]),
    lambda n, x, y: op.squeeze(op.expand_dims(op.flip(x, 1), 1), [1]),
    lambda n, x, y: op.broadcast_to(op.max(x, axis=[1], keepdims=True), [n, 4]),
    lambda n, x, y: op.clip(op.astype(op.astype(x, "int32"), "float32"), -2, 2),
    lambda n, x, y: op.cumsum(x, axis=1),
    lambda n, x, y: op.add(x, op.astype(op.argmax(y, axis=1, keepdims=True), "float32")),
    lambda n, x, y: relax.TupleGetItem(op.split(op.concat((y, x), axis=1), [4], axis=1), 1),
    lambda n, x, y: op.dequantize(
        op.quantize(x, relax.const(0.05, "float32"), relax.const(3, "int8"), out_dtype="int8"),
        relax.const(0.05, "float32"),
        relax.const(3, "int8"),
        out_dtype="float32",
    ),
]

JUMPS = {5, 6, 13, 15, 17}
"""Steps that round or compare: they read the inputs alone, where no last bit decides between two results."""

PROGRAMS = st.lists(
    st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=7,
)


def built(steps: list[tuple[int, int, int]], results: int, symbolic: bool) -> Model:
    """`main(a, b)` of `steps`, each a kind and how far back its operands are; the last `results` are returned."""
    n = tirx.Var("n", "int64") if symbolic else 3
    params = [relax.Var(name, relax.TensorType([n, 4], "float32")) for name in "ab"]
    builder = relax.BlockBuilder()
    values: list[Any] = list(params)
    with builder.function("main", params):
        with builder.dataflow():
            for kind, left, right in steps:
                known = params if kind in JUMPS else values
                x, y = (known[-1 - back % len(known)] for back in (left, right))
                values.append(builder.emit(builder.normalize(STEPS[kind](n, x, y))))
            output = builder.emit_output(relax.Tuple(values[-results:]))
        builder.emit_func_output(output)
    return from_module(builder.finalize(), "program")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(PROGRAMS, st.integers(1, 3), st.booleans(), st.integers(0, 2**16))
def test_a_random_program_means_the_same(steps, results, symbolic, seed):
    model = built(steps, results, symbolic)
    made = exported(model)
    again = exported(model)
    assert made.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
    generator = np.random.default_rng(seed)
    feeds = {name: generator.integers(-8, 8, (3, 4)).astype("float32") / 4 for name in "ab"}
    for ours, theirs in zip(run(made, feeds), run_model(model, feeds), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
