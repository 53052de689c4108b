"""Executions: a network planned, emitted and run on the numpy machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byoc.vendors.npu import isa, kernels
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.tiles import Scratch
from byoc.vendors.npu.layers import Network, Tensor
from byoc.vendors.npu.plan import Plan, plan
from byoc.vendors.npu.pool import Pool
from tests.vendors.npu.machine import Machine
from tests.vendors.npu.reference import STORED, evaluate

Array = Any


def emitted(made: Plan, hardware: Hardware, pool: Pool) -> list[isa.Instruction]:
    """All instructions; a kernel that uses more than its scratch raises."""
    found: list[isa.Instruction] = []
    for step in made.steps:
        scratch = Scratch(step.scratch, step.scratch_bytes)
        found += kernels.emit(step.layer, step.config, made.views, scratch, pool, hardware)
    return found


def executed(
    network: Network,
    hardware: Hardware,
    inputs: Sequence[Array],
    *,
    keep: bool = True,
    slots: int = 2,
) -> list[Array]:
    """The network's outputs, by its program in program order."""
    pool = Pool()
    made = plan(network, hardware, pool, keep=keep, slots=slots)
    instructions = emitted(made, hardware, pool)
    outputs = [np.zeros(each.shape, STORED[each.dtype]) for each in network.outputs]
    machine = Machine(hardware, constants=pool.data, tmp=made.tmp, inputs=inputs, outputs=outputs)
    machine.run(instructions)
    return outputs


def values(tensor: Tensor, rng: np.random.Generator) -> Array:
    """Random data of a tensor."""
    if tensor.quant is None:
        return rng.standard_normal(tensor.shape).astype(np.float32)
    return rng.integers(0, 256, tensor.shape).astype(np.uint8).view(STORED[tensor.dtype])


def compare(network: Network, hardware: Hardware, seed: int = 0, **options: Any) -> None:
    """The machine's outputs are the reference's: floats closely, 8 bits to the last unit of rounding."""
    rng = np.random.default_rng(seed)
    inputs = [values(each, rng) for each in network.inputs]
    wanted = evaluate(network, inputs)
    got = executed(network, hardware, inputs, **options)
    for tensor, one, other in zip(network.outputs, got, wanted, strict=True):
        if tensor.quant is None:
            np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5, err_msg=tensor.name)
        else:
            np.testing.assert_array_equal(one, other, err_msg=tensor.name)
