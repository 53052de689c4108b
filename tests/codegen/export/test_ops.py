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


def agree(
    made: onnx.ModelProto, model: Model, arrays: dict[str, Any], program: Program | None = None
) -> None:
    if program is not None and program.expected is not None:
        expected = [program.expected(*arrays.values())]
    else:
        expected = run_model(model, arrays)
    results = run(made, arrays)
    assert len(results) == len(expected)
    for ours, theirs in zip(results, expected, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("name", "index"), CASES)
def test_an_op_means_the_same_in_onnx(name, index):
    program = PROGRAMS[name][index]
    model = built(program)
    made = exported(model)
    agree(made, model, feeds(program), program)
    used = {node.op_type for node in made.graph.node}
    called = {
        binding.value.op.name.removeprefix("relax.")
        for block in model.module["main"].body.blocks
        for binding in block.bindings
        if hasattr(binding.value, "op")
    }
    assert used <= {each for op in called for each in EMITTERS[op].ops} | {"Identity"}


def test_every_op_has_a_program():
    assert sorted(EMITTERS) == sorted(PROGRAMS)


@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize(
    "name",
    ["nn.layer_norm", "nn.group_norm", "nn.gelu", "nn.gelu_tanh", "mean", "std", "nn.rms_norm"],
)
def test_older_opsets_say_it_in_other_words(name, opset):
    for program in PROGRAMS[name]:
        model = built(program)
        agree(exported(model, opset), model, feeds(program))


@pytest.mark.parametrize(
    "name", ["nn.rms_norm", "nn.gelu", "nn.conv2d", "nn.avg_pool2d", "reshape"]
)
def test_newer_opsets_have_words_of_their_own(name):
    for program in PROGRAMS[name]:
        model = built(program)
        made = exported(model, 23)
        assert made.opset_import[0].version == 23
        agree(made, model, feeds(program))
