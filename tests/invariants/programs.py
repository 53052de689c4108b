"""Programs that hypothesis writes and shrinks, as plain data, and the models they stand for.

A program says what to emit in small integers, so that any of its parts can be left out and the rest still is one.
Every value is `float32[rows, 4]`, where rows is 4 or unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from hypothesis import strategies as st
from tvm import relax, tirx

from byoc.frontends.model import Model, SourceGroup
from byoc.frontends.relax import from_module
from tests.invariants.steps import STEPS, Setting


class Step(NamedTuple):
    """One step: what to emit, which of the last values it reads, and a variation."""

    kind: str
    left: int
    right: int
    form: int


class Block(NamedTuple):
    """One binding block; an `if` has a branch of each list of steps. `exports` masks a dataflow block's values."""

    kind: Literal["dataflow", "plain", "if"]
    steps: tuple[Step, ...]
    others: tuple[Step, ...]
    exports: int


@dataclass(frozen=True)
class Program:
    """`main`, and a helper that it may call. `anonymous` bindings all have the same name."""

    blocks: tuple[Block, ...]
    helper: tuple[Block, ...]
    results: tuple[int, ...]
    symbolic: bool
    pure: bool
    tuple_param: bool
    anonymous: bool


_STEP = st.builds(
    Step, st.sampled_from(sorted(STEPS)), st.integers(0, 7), st.integers(0, 7), st.integers(0, 3)
)
_STEPS = st.lists(_STEP, min_size=1, max_size=12).map(tuple)
_BRANCH = st.lists(_STEP, min_size=1, max_size=4).map(tuple)
_BLOCK = st.one_of(
    st.builds(Block, st.just("dataflow"), _STEPS, st.just(()), st.integers(0, 31)),
    st.builds(Block, st.just("plain"), _STEPS, st.just(()), st.just(0)),
    st.builds(Block, st.just("if"), _BRANCH, _BRANCH, st.integers(0, 1)),
)

PROGRAMS: st.SearchStrategy[Program] = st.builds(
    Program,
    blocks=st.lists(_BLOCK, min_size=1, max_size=3).map(tuple),
    helper=st.lists(_BLOCK, max_size=2).map(tuple),
    results=st.lists(st.integers(0, 7), min_size=1, max_size=3).map(tuple),
    symbolic=st.booleans(),
    pure=st.booleans(),
    tuple_param=st.booleans(),
    anonymous=st.booleans(),
)


def program_of(stored: dict[str, Any]) -> Program:
    """The program that `dataclasses.asdict` and JSON made lists of."""

    def blocks(given: Any) -> tuple[Block, ...]:
        steps = [
            (kind, *(tuple(Step(*each) for each in part) for part in parts), exports)
            for kind, *parts, exports in given
        ]
        return tuple(Block(*each) for each in steps)

    return replace(
        Program(**stored),
        blocks=blocks(stored["blocks"]),
        helper=blocks(stored["helper"]),
        results=tuple(stored["results"]),
    )


def model_of(program: Program) -> Model:
    """The Relax module that `program` says, with its groups."""
    builder = relax.BlockBuilder()
    groups: dict[str, tuple[SourceGroup, ...]] = {}
    setting = Setting(builder, anonymous=program.anonymous)
    if program.helper:
        helper = replace(program, blocks=program.helper, results=(0,), tuple_param=False)
        groups["helper"] = _function(setting, "helper", helper)
        setting.helper = builder.get().get_global_var("helper")
    groups["main"] = _function(setting, "main", program)
    model = from_module(builder.finalize(), "program")
    return replace(model, groups={} if program.anonymous else groups)


def _function(setting: Setting, name: str, program: Program) -> tuple[SourceGroup, ...]:
    builder = setting.builder
    rows: Any = tirx.Var("n", "int64") if program.symbolic else 4
    tensor = relax.TensorType([rows, 4], "float32")
    setting.begin(rows, tensor, program.pure)
    x, flag = relax.Var("x", tensor), relax.Var("flag", relax.TensorType([], "bool"))
    pair = relax.Var("pair", relax.TupleType([tensor, tensor]))
    with builder.function(name, [x, flag, pair][: 2 + program.tuple_param], pure=program.pure):
        setting.values = [x]
        if program.tuple_param:
            for index in range(2):
                setting.values.append(setting.emit(relax.TupleGetItem(pair, index)))
        for block in program.blocks:
            _block(setting, block, flag)
        results = [setting.pick(each) for each in program.results]
        builder.emit_func_output(results[0] if len(results) == 1 else relax.Tuple(results))
    return tuple(setting.groups)


def _block(setting: Setting, block: Block, flag: Any) -> None:
    builder = setting.builder
    if block.kind == "if":
        branches = [_branch(setting, steps, block.exports) for steps in (block.steps, block.others)]
        # TVM forgets a symbolic dimension on which both branches agree.
        made = setting.emit(relax.If(flag, *branches))
        setting.values.append(setting.cast(made, setting.tensor))
    elif block.kind == "plain":
        _steps(setting, block.steps)
    else:
        before = len(setting.values)
        with builder.dataflow():
            setting.dataflow = True
            _steps(setting, block.steps)
            made = setting.values[before:]
            kept = [each for place, each in enumerate(made) if block.exports >> (place % 5) & 1]
            kept = [builder.emit_output(each, setting.name()) for each in kept or made[-1:]]
        setting.dataflow = False
        setting.values[before:] = kept


def _branch(setting: Setting, steps: tuple[Step, ...], dataflow: int) -> Any:
    """A branch as a SeqExpr; its ops read values of the function around it."""
    outer, values = setting.builder, list(setting.values)
    builder = setting.builder = relax.BlockBuilder()
    with builder.function("branch", [], pure=setting.pure):
        _block(setting, Block("dataflow" if dataflow else "plain", steps, (), 0), None)
        builder.emit_func_output(setting.values[-1])
    body = builder.get()["branch"].body
    setting.builder, setting.values = outer, values
    return body


def _steps(setting: Setting, steps: tuple[Step, ...]) -> None:
    for step in steps:
        made = STEPS[step.kind](
            setting, setting.pick(step.left), setting.pick(step.right), step.form
        )
        if made is not None:
            setting.values.append(made)
