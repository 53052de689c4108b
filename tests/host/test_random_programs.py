"""The host's part computes what the program computes, whoever has which part of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tvm
from hypothesis import HealthCheck, Phase, given, settings
from onnx import TensorProto, helper
from tvm import relax

from byoc.codegen.compiled import CompiledSegment
from byoc.frontends.model import Model
from byoc.host import HostOptions, border_refusal, build_host
from byoc.pipeline import Partition, partition_for
from byoc.testing.run import compile_model
from tests.host.running import Chip, Codegen, functions, run
from tests.invariants.programs import PROGRAMS, Block, Program, Step, model_of
from tests.invariants.steps import packed_functions

TAKES = ("nn.relu", "add", "multiply", "split", "matmul", "reshape", "onnx.Identity")


@pytest.mark.parametrize("library", ["onnxruntime", "tvm"])
def test_random_programs(library: str) -> None:
    hold(library, 2)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["onnxruntime", "tvm"])
def test_many_random_programs(library: str) -> None:
    hold(library, 60)


def hold(library: Any, examples: int) -> None:
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(PROGRAMS)
    def holds(program: Program) -> None:
        program = replace(
            program, blocks=compilable(program.blocks), helper=compilable(program.helper)
        )
        agree(model(program), inputs(program), library)

    holds()


def agree(source: Model, given: list[list[Any]], library: Any) -> None:
    """Hold three builds to the program: the host alone, a vendor beside it, and that vendor failing every call."""
    expected = [_run(source, each) for each in given]
    alone = partition_for(source, [])
    plain = build_host(alone, (), Codegen(), HostOptions(library))
    offers = partition_for(source, [Chip(TAKES)])
    compiled = _compiled(offers)
    shared = None
    if compiled is not None:
        shared = build_host(offers, compiled, Codegen(), HostOptions(library, fallback=True))
    for build, failing in ((plain, ()), (shared, ()), (shared, [e.symbol for e in _of(compiled)])):
        if build is None:
            continue
        for each, wanted in zip(given, expected, strict=True):
            with packed_functions(), functions(build, failing):
                for ours, theirs in zip(run(build, each), wanted, strict=True):
                    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
                    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def model(program: Program) -> Model:
    """The program, whose one host call is the ONNX node that it says it is."""
    made = model_of(program)
    groups = {
        name: tuple(
            replace(each, op="onnx.Identity", attrs={}, opset=13)
            if each.op == "onnx.Hardmax"
            else each
            for each in found
            if each.op != "onnx.Split"
        )
        for name, found in made.groups.items()
    }
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None])
        for name in ("input", "output")
    ]
    node = helper.make_node("Identity", ["input"], ["output"])
    graph = helper.make_graph([node], "same", values[:1], values[1:])
    onnx = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return replace(made, groups=groups, host_nodes={"byoc.tests.same": onnx.SerializeToString()})


def inputs(program: Program) -> list[list[Any]]:
    """Arguments for both branches."""
    draw = np.random.default_rng(0)

    def value() -> Any:
        return draw.normal(size=(4, 4)).astype("float32")

    pair = [(value(), value())] if program.tuple_param else []
    return [[value(), np.array(flag), *pair] for flag in (True, False)]


def compilable(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Without what TVM compiles nowhere: local functions in branches, reshapes to the shape of a value."""

    def kept(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        found = [
            each._replace(form=each.form | 1) if each.kind == "reshape" else each
            for each in steps
            if each.kind != "local"
        ]
        return tuple(found) or tuple(each._replace(kind="unary") for each in steps[:1])

    return tuple(each._replace(steps=kept(each.steps), others=kept(each.others)) for each in blocks)


def _run(source: Model, given: list[Any]) -> list[Any]:
    with packed_functions():
        machine = relax.VirtualMachine(compile_model(source), tvm.cpu())
        args = [
            [tvm.runtime.tensor(part) for part in each]
            if isinstance(each, tuple)
            else tvm.runtime.tensor(each)
            for each in given
        ]
        return list(_arrays(machine["main"](*args)))


def _arrays(result: Any) -> list[Any]:
    if isinstance(result, tvm.runtime.Tensor):
        return [result.numpy()]
    return [array for each in result for array in _arrays(each)]


def _compiled(partition: Partition) -> list[CompiledSegment] | None:
    """The vendor's segments, or None when a border, or an op's ONNX form, is none: the command would cut again."""
    segments = partition.segments()
    if any(border_refusal(partition.module[each.symbol]) for each in segments):
        return None
    answers = Codegen().compile(segments)
    found = [each for each in answers if isinstance(each, CompiledSegment)]
    return found if len(found) == len(answers) else None


def _of(compiled: list[CompiledSegment] | None) -> list[Any]:
    return [each.segment for each in compiled or ()]
