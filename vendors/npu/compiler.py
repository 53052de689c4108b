"""Compiler: a segment becomes a program, stage after stage, each in a file of its own.

lower -> plan -> kernels -> order -> roll -> listing -> assemble
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import byoc
from byoc.vendors.npu import isa, kernels, simulate
from byoc.vendors.npu.asm import assemble, parse
from byoc.vendors.npu.asm.writer import head
from byoc.vendors.npu.c_source import c_source
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import TileConfig
from byoc.vendors.npu.kernels.tiles import Scratch
from byoc.vendors.npu.layers import Kernel, Network, Tensor
from byoc.vendors.npu.listing import Section, body
from byoc.vendors.npu.order import ordered
from byoc.vendors.npu.plan import Plan, plan
from byoc.vendors.npu.pool import Pool
from byoc.vendors.npu.program import Name, Port, Program, digest
from byoc.vendors.npu.sections import section
from byoc.vendors.npu.work import work

ALIGNMENT: Final = 4
"""Bytes: DMA moves whole elements to and from any address of one."""

MOST_CYCLES: Final = 1 << 36
MOST_STEPS: Final = 1 << 24
"""What the simulator gives a program; declared until it is known what that takes."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a network is compiled.

    Without `keep` every result is spilled to DRAM between layers; with `slots` of 1 nothing is loaded while its
    predecessor is in use. Both are there to be compared with. `fixed` are configurations of single layers, for
    whoever searches better ones. With `c_source` the program is shown as C as well.
    """

    keep: bool = True
    slots: int = 2
    fixed: Mapping[Kernel, TileConfig] = field(default_factory=dict)
    c_source: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """A network's program, with its constants, what it takes, and the assembly text that it was made from."""

    network: Network
    plan: Plan
    program: Program
    constants: bytes
    report: simulate.Report
    listing: str


def compiled(network: Network, hardware: Hardware, options: Options) -> Compiled:
    """Compile `network` for `hardware`. Raises MisfitError for what the chip has no room for."""
    pool = Pool()
    made = plan(
        network,
        hardware,
        pool,
        keep=options.keep,
        slots=options.slots,
        fixed=options.fixed,
    )
    sections = list(_sections(made, hardware, pool))
    constants = pool.data
    outline = Program(
        hardware,
        (*_ports(isa.Space.IN, network.inputs), *_ports(isa.Space.OUT, network.outputs)),
        (),
        tuple(Name(each.name, each.nodes) for each in network.composites),
        len(constants),
        digest(constants),
        made.tmp,
        MOST_CYCLES,
        MOST_STEPS,
    )
    text = body(outline, sections)
    program = assemble(head(outline) + text)
    report = simulate.check(program.to_bytes(), constants)
    program = replace(program, cycles=report.cycles, steps=report.steps)
    return Compiled(network, made, program, constants, report, head(program) + text)


def blob(segment: byoc.Segment, hardware: Hardware, options: Options) -> byoc.Blob | byoc.Refusal:
    """The segment's blob, or why the chip cannot have it."""
    from byoc.vendors.npu.lower import lower

    network = lower(segment)
    if isinstance(network, byoc.Refusal):
        return network
    try:
        made = compiled(network, hardware, options)
    except MisfitError as error:
        at_fault = () if error.composite is None else network.composites[error.composite].nodes
        return byoc.Refusal("codegen-failed", str(error), nodes=at_fault)
    files = {"program.asm": made.listing.encode()}
    if options.c_source:
        files["program.c"] = c_source(parse(made.listing)).encode()
    parts = {"program": made.program.to_bytes(), "constants": made.constants}
    return byoc.Blob(
        {name: part for name, part in parts.items() if part},
        compat=hardware.fingerprint,
        report=_report(made, hardware),
        alignment=ALIGNMENT,
        files=files,
    )


def _sections(made: Plan, hardware: Hardware, pool: Pool) -> Iterator[Section]:
    """Every step's instructions, with the tokens that order them among all."""
    emitted = []
    for step in made.steps:
        scratch = Scratch(step.scratch, step.scratch_bytes)
        own = kernels.emit(step.layer, step.config, made.views, scratch, pool, hardware)
        emitted.append(list(own))
    everything = iter(ordered(itertools.chain.from_iterable(emitted), hardware))
    for step, alone in zip(made.steps, emitted, strict=True):
        yield section(step, list(itertools.islice(everything, len(alone))), made.views)


def _ports(space: isa.Space, tensors: Sequence[Tensor]) -> Iterator[Port]:
    for index, tensor in enumerate(tensors):
        yield Port(space, index, tensor.dtype, tensor.shape)


def composites(made: Compiled) -> list[dict[str, Any]]:
    """Each composite's figures, as `byoc profile` has them: what it takes, and what it takes at least."""
    tasks = work(made.network)
    return [
        {
            "name": each.name,
            "nodes": list(each.nodes),
            "cycles": each.cycles,
            "roofline_cycles": task.roofline(made.program.hardware),
            "bound": each.bound,
            "macs": sum(task.macs.values()),
            "bytes": task.bytes,
            "dtype": task.dtype,
        }
        for each, task in zip(made.report.composites, tasks, strict=True)
    ]


def _report(made: Compiled, hardware: Hardware) -> Mapping[str, Any]:
    """What is known when a segment is compiled; byoc shows it beside what the driver tells."""
    return {
        "clock_hz": hardware.clock * 1e6,
        "cycles": made.report.cycles,
        "bandwidth": hardware.bandwidth,
        "peak": {dtype: hardware.peak(dtype) for dtype in ("float32", "bfloat16", "int8")},
        "instructions": len(made.program.records),
        "tmp_bytes": made.plan.tmp,
        "kept_on_chip": made.plan.kept,
        "composites": composites(made),
        "hardware": asdict(hardware),
    }
