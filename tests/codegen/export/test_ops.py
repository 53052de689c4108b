"""Each Relax op that has a form in ONNX: written, run by onnxruntime and by TVM."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from tvm import relax

from byoc.codegen.export import EMITTERS
from byoc.frontends import Model, from_module
from byoc.testing.run import run_model
from tests.codegen.export.programs import PROGRAMS, Program
from tests.codegen.export.regions import exported, run

CASES = [(name, index) for name in sorted(PROGRAMS) for index in range(len(PROGRAMS[name]))]

OTHER_OPSETS = {
    **dict.fromkeys(
        ["nn.layer_norm", "nn.group_norm", "nn.gelu", "nn.gelu_tanh", "mean", "std"], (13, 17)
    ),
    **dict.fromkeys(["nn.conv2d", "nn.avg_pool2d", "reshape"], (14, 23)),
    "nn.rms_norm": (13, 23),
}
"""Opsets that say an op in other words than byoc's choice."""


def built(program: Program) -> Model:
    """`main` with the program's call, every item of a tuple returned."""
    builder = relax.BlockBuilder()
    params = [
        relax.Var(f"x{index}", relax.TensorType(list(shape), dtype))
        for index, (shape, dtype) in enumerate(program.inputs)
    ]
    with builder.function("main", params):
        with builder.dataflow():
            result = builder.emit(program.call(*params), "y")
            if isinstance(result.ty, relax.TupleType):
                items = [
                    relax.TupleGetItem(result, index) for index in range(len(result.ty.fields))
                ]
                result = relax.Tuple([builder.emit(each, "item") for each in items])
            output = builder.emit_output(result)
        builder.emit_func_output(output)
    return from_module(builder.finalize(), "program")


def feeds(program: Program) -> dict[str, Any]:
    generator = np.random.default_rng(7)
    arrays = {}
    for index, (shape, dtype) in enumerate(program.inputs):
        drawn = program.low + (program.high - program.low) * generator.random(shape)
        arrays[f"x{index}"] = np.asarray(drawn > 0 if dtype == "bool" else drawn).astype(dtype)
    return arrays


def meaning(program: Program, model: Model, arrays: dict[str, Any]) -> list[Any]:
    if program.expected is not None:
        return [program.expected(*arrays.values())]
    return run_model(model, arrays)


def agree(made: onnx.ModelProto, arrays: dict[str, Any], expected: list[Any]) -> None:
    results = run(made, arrays)
    assert len(results) == len(expected)
    for ours, theirs in zip(results, expected, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


def operators(model: Model) -> set[str]:
    """The ONNX operators that the table promises for the calls of `main`."""
    called = {
        binding.value.op.name.removeprefix("relax.")
        for block in model.module["main"].body.blocks
        for binding in block.bindings
        if hasattr(binding.value, "op")
    }
    return {each for op in called for each in EMITTERS[op].ops} | {"Identity"}


@pytest.mark.parametrize(("name", "index"), CASES)
def test_an_op_means_the_same_in_onnx(name, index):
    program = PROGRAMS[name][index]
    model, arrays = built(program), feeds(program)
    expected = meaning(program, model, arrays)
    for opset in (None, *OTHER_OPSETS.get(name, ())):
        made = exported(model, opset)
        assert opset in (None, made.opset_import[0].version)
        agree(made, arrays, expected)
        assert {node.op_type for node in made.graph.node} <= operators(model)


def test_every_op_has_a_program():
    assert sorted(EMITTERS) == sorted(PROGRAMS)
