"""The invariants of partitioning (docs/merging.md), held on random programs by the whole pipeline.

Nothing superlinear is held by `bench/partition.py`: a test that measures time fails for reasons that are none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tvm
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st
from tvm import IRModule, ir, relax

from byoc.errors import VerificationError
from byoc.frontends.model import Model
from byoc.partition.patterns.rows import table_rows
from byoc.partition.vendor import Vendor
from byoc.partition.verify import Verify
from byoc.pipeline import Partition, PartitionOptions, partition_for
from byoc.region import Region
from byoc.store import print_module
from byoc.support import Refusal, load_table
from byoc.testing.run import compile_model
from tests.invariants import holds
from tests.invariants.programs import PROGRAMS, Program, model_of, program_of
from tests.invariants.steps import packed_functions
from tests.invariants.vendors import LIMITS, TABLES, TableVendor, Temper
from tests.partition.build import script

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Case:
    """A program, who is asked to take it, and how. `vendors` are names and limits, in order of preference."""

    program: Program
    vendors: tuple[tuple[str, str], ...]
    merge: Literal["fewest", "connected"]
    min_ops: int
    min_macs: int


VENDORS = st.lists(
    st.tuples(st.sampled_from(list(TABLES)), st.sampled_from(list(LIMITS))),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each[0],
).map(tuple)

CASES = st.builds(
    Case,
    program=PROGRAMS,
    vendors=VENDORS,
    merge=st.sampled_from(["fewest", "connected"]),
    min_ops=st.sampled_from([0, 0, 0, 2, 3]),
    min_macs=st.sampled_from([0, 0, 0, 64]),
)


def examples(number: int) -> Callable[[Any], Any]:
    """The same examples in every run, so that a failure is seen by everybody; no failure is forgotten by it."""
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


def options_of(case: Case) -> PartitionOptions:
    return PartitionOptions(min_ops=case.min_ops, min_macs=case.min_macs, merge=case.merge)


def partition(case: Case, temper: Temper = "plain") -> tuple[Partition, list[TableVendor]]:
    vendors = [TableVendor(name, limits, temper) for name, limits in case.vendors]
    return partition_for(model_of(case.program), vendors, options_of(case)), vendors


def hold(case: Case, temper: Temper = "plain") -> Partition:
    """Partition, which verifies, and hold everything that one partition shows."""
    made, vendors = partition(case, temper)
    holds.well_formed(made)
    holds.acyclic(made)
    holds.called_once(made)
    holds.every_op_once(made, vendors)
    holds.within_limits(made, vendors, case.min_ops, case.min_macs)
    assert made.plan.verified
    return made


def texts(made: Partition) -> list[str]:
    """The plan and the module as they would be written, and the constants."""
    script, constants = print_module(made.module)
    data = [each.value.numpy().tobytes().hex() for each in constants]
    return [json.dumps(asdict(made.plan)), script, *data]


@examples(300)
@given(case=CASES)
def test_a_partition_is_whole_sound_and_acyclic(case: Case) -> None:
    made = hold(case)
    event(f"segments: {min(len(made.plan.segments), 5)}")


@pytest.mark.slow
@examples(10_000)
@given(case=CASES)
def test_ten_thousand_partitions_are_whole_sound_and_acyclic(case: Case) -> None:
    hold(case)


@examples(40)
@given(case=CASES)
def test_the_same_input_gives_the_same_plan(case: Case) -> None:
    (first, _), (second, _) = partition(case), partition(case)
    assert texts(first) == texts(second)


@examples(1)
@given(cases=st.lists(CASES, min_size=12, max_size=12))
def test_another_process_makes_the_same_plan(cases: list[Case]) -> None:
    stored = json.dumps([asdict(case) for case in cases])
    environ = {**os.environ, "PYTHONHASHSEED": str(len(stored) % 1000 + 1)}
    command = [sys.executable, "-m", "tests.test_invariants"]
    run = subprocess.run(
        command, input=stored, capture_output=True, text=True, cwd=ROOT, env=environ, check=True
    )
    assert json.loads(run.stdout.splitlines()[-1]) == [digest(case) for case in cases]


@examples(60)
@given(case=CASES)
def test_a_vendor_s_own_checks_may_refuse_anything(case: Case) -> None:
    hold(case, "picky")


@examples(25)
@given(case=CASES)
def test_a_vendor_s_exceptions_are_refusals(case: Case) -> None:
    made = hold(case, "faulty")
    words = {each.message for op in made.plan.ops for each in op.refusals}
    event(f"raised: {any('the toolchain lost its licence' in each for each in words)}")


@examples(25)
@given(case=CASES)
def test_the_story_of_a_node_changes_nothing(case: Case) -> None:
    plain, vendors = partition(case)
    for op in plain.plan.ops[-1:]:
        options = options_of(case)
        told = partition_for(plain.model, vendors, options, explain=op.nodes[0])
        assert texts(told) == texts(plain)
        assert all(events for _, events in told.story)
        assert op.binding in [name.split(" = ")[0] for name, _ in told.story]


@examples(50)
@given(case=CASES)
def test_verify_notices_a_changed_segment(case: Case) -> None:
    made, _ = partition(case)
    read = what_is_read(made)
    ops = [op for op in made.plan.ops if op.segment and (op.function, op.binding) in read]
    changed = IRModule({var: _changed(each) for var, each in made.module.functions.items()})
    if any(op.op in OTHER for op in ops):
        with pytest.raises(VerificationError):
            Verify()(made.model.module, changed)


@examples(8)
@given(case=CASES)
def test_the_partition_computes_what_the_model_does(case: Case) -> None:
    _compare(case)


@pytest.mark.slow
@examples(200)
@given(case=CASES)
def test_many_partitions_compute_what_their_models_do(case: Case) -> None:
    _compare(case)


CYCLE = "a = nn.relu(x); y = exp(a); z = exp(x); b = add(a, z); c = multiply(y, z) -> b, c"


@pytest.mark.parametrize("merge", ["fewest", "connected"])
def test_the_cycle_that_relay_and_relax_make_is_not_made(
    merge: Literal["fewest", "connected"], tmp_path: Path
) -> None:
    """Joining b with a makes y depend on z; c would then join y and z into a cycle."""
    for vendor, ops in (("t1", "{nn.relu: {}, add: {}}"), ("t2", "{exp: {}, multiply: {}}")):
        (tmp_path / f"{vendor}.yaml").write_text(f"vendor: {vendor}\nversion: 1\nops: {ops}\n")
    vendors = [Table(tmp_path / f"{name}.yaml") for name in ("t1", "t2")]
    made = partition_for(script(CYCLE, x=(4, 4)), vendors, PartitionOptions(merge=merge))
    holds.well_formed(made)
    holds.acyclic(made)
    holds.called_once(made)
    assert all(op.segment for op in made.plan.ops)
    assert len(made.plan.segments) == 3


class Table:
    """A vendor of one table."""

    notes: Sequence[str] = ()
    public_options: Mapping[str, Any] = {}

    def __init__(self, path: Path) -> None:
        bound = load_table(path).bind()
        self.name = bound.vendor
        self.vendor = Vendor(bound.vendor, bound.ops, table_rows(bound, bound.vendor))

    def judge(self, regions: Sequence[Region]) -> Sequence[Refusal | None]:
        raise AssertionError("a vendor without a check is not asked")


OTHER = {
    "nn.relu": relax.op.negative,
    "negative": relax.op.tanh,
    "tanh": relax.op.sigmoid,
    "sigmoid": relax.op.tanh,
}


def _changed(function: Any) -> Any:
    """A vendor's function with every unary op another one."""
    if not isinstance(function, relax.Function) or "Codegen" not in (function.attrs or {}):
        return function

    @relax.expr_functor.mutator
    class Change(relax.PyExprMutator):  # type: ignore[misc]  # TVM is untyped
        def visit_call_(self, call: Any) -> Any:
            call = super().visit_call_(call)
            name = call.op.name.removeprefix("relax.") if isinstance(call.op, ir.Op) else ""
            return OTHER[name](call.args[0]) if name in OTHER else call

    return Change().visit_expr(function)


def what_is_read(made: Partition) -> set[tuple[str, str]]:
    """Bindings of the input that its results are made of; not all of them, where only a shape is read."""
    functions = {var.name_hint: each for var, each in made.model.module.functions.items()}
    return {(name, binding) for name, each in functions.items() for binding in _read(each.body)}


def _read(body: Any) -> set[str]:
    found: set[str] = set()
    needed = {hash(var) for var in relax.analysis.free_vars(body.body)}
    for block in reversed(body.blocks):
        for binding in reversed(block.bindings):
            if hash(binding.var) not in needed:
                continue
            found.add(binding.var.name)
            value = binding.value
            needed.update(hash(var) for var in relax.analysis.free_vars(value))
            if isinstance(value, relax.If):
                found |= _read(value.true_branch) | _read(value.false_branch)
    return found


def _compare(case: Case) -> None:
    """Run the model and its partition, the segments by TVM as well, on the same input."""
    # TVM has no kernel for a reshape to a shape that is a variable.
    assume("shape_of" not in model_of(case.program).module.script())
    made, _ = partition(case)
    generator = np.random.default_rng(len(made.plan.ops))
    arrays = [generator.standard_normal((4, 4), "float32") for _ in range(3)]
    old, new = (_run(module, case.program, arrays) for module in (made.model.module, made.module))
    assert len(old) == len(new)
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(one, other)


def _run(module: IRModule, program: Program, arrays: Sequence[Any]) -> list[Any]:
    """What `main` gives and tells on its way, with either flag, compiled by TVM alone."""
    plain = IRModule({var: _plain(each) for var, each in module.functions.items()})
    executable = compile_model(Model("program", relax.transform.LambdaLift()(plain)))
    x, first, second = (tvm.runtime.tensor(each) for each in arrays)
    pair = [tvm.runtime.convert([first, second])] if program.tuple_param else []
    found: list[Any] = []
    with packed_functions() as told:
        machine = relax.VirtualMachine(executable, tvm.cpu())
        for flag in (False, True):
            result = machine["main"](x, tvm.runtime.tensor(np.array(flag)), *pair)
            found += [result] if isinstance(result, tvm.runtime.Tensor) else list(result)
    return [*(each.numpy() for each in found), *told]


def _plain(function: Any) -> Any:
    """A segment as a function that TVM compiles itself."""
    vendors = isinstance(function, relax.Function) and "Codegen" in (function.attrs or {})
    return function.without_attr("Codegen") if vendors else function


def digest(case: Case) -> str:
    return sha256("\n".join(texts(partition(case)[0])).encode()).hexdigest()


def _case(stored: dict[str, Any]) -> Case:
    vendors = tuple((name, limits) for name, limits in stored["vendors"])
    return Case(**{**stored, "program": program_of(stored["program"]), "vendors": vendors})


if __name__ == "__main__":
    print(json.dumps([digest(_case(each)) for each in json.load(sys.stdin)]))
