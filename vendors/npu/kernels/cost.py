"""Cost: what a configuration is estimated to take, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.places import View


@dataclass(frozen=True, slots=True)
class Estimate:
    """A layer's cycles, what the units and DMA directions are busy for, and what it moves and needs.

    `macs` are multiply-accumulates, `bytes_in` and `bytes_out` what DMA moves, `scratchpad` bytes of tiles,
    `accumulators` rows. A configuration is not `valid` if the chip has not as much; `why` says what it lacks.
    """

    cycles: int
    matrix: int = 0
    vector: int = 0
    load: int = 0
    store: int = 0
    macs: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    scratchpad: int = 0
    accumulators: int = 0
    valid: bool = True
    why: str = ""

    @property
    def bound(self) -> str:
        """What is busy longest."""
        busy = {"matrix": self.matrix, "vector": self.vector, "memory": self.load + self.store}
        return max(busy, key=lambda each: busy[each])


@dataclass(frozen=True, slots=True)
class TileWork:
    """What a layer does, counted over all tiles, and how many tiles these are. Bytes are those that DRAM moves.

    `chain` is how many instructions a tile goes through one after the other, each waiting for the one before.
    """

    tiles: int
    slots: int
    matrix: int = 0
    vector: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    macs: int = 0
    scratchpad: int = 0
    accumulators: int = 0
    load: int = 0
    store: int = 0
    chain: int = 1


def record(work: TileWork, hw: Hardware) -> Estimate:
    """The cost of `work`: a tile after the other with one slot, otherwise as many at a time as there are slots."""
    load = max(work.load, -(-work.bytes_in // min(hw.load_bandwidth, hw.bandwidth)))
    store = max(work.store, -(-work.bytes_out // min(hw.store_bandwidth, hw.bandwidth)))
    memory = max(load, store, -(-(work.bytes_in + work.bytes_out) // hw.bandwidth))
    compute = max(work.matrix, work.vector)
    tiles = max(work.tiles, 1)
    # A tile is loaded, goes through its instructions and is stored; its slots are free when that is done.
    loading = load / tiles + hw.load_latency if load else 0
    computing = compute / tiles + work.chain * hw.vector_latency
    storing = store / tiles + hw.store_latency if store else 0
    inner = compute / tiles + (work.chain - 1) * hw.vector_latency
    # The more memory is what counts, the more are both directions at work and get half of its bandwidth each.
    slower = (memory - max(load, store)) / tiles * min(1, memory / tiles / max(inner, 1))
    apart = (max(loading + computing, computing + storing) + slower) / work.slots
    each = max(memory / tiles, inner, apart)
    if work.slots == 1:
        each = loading + computing + storing
    cycles = int((tiles - 1) * each + loading + computing + storing)
    why = _lacking(work, hw)
    return Estimate(
        cycles=cycles,
        matrix=work.matrix,
        vector=work.vector,
        load=load,
        store=store,
        macs=work.macs,
        bytes_in=work.bytes_in,
        bytes_out=work.bytes_out,
        scratchpad=work.scratchpad,
        accumulators=work.accumulators,
        valid=not why,
        why=why,
    )


def _lacking(work: TileWork, hw: Hardware) -> str:
    if work.scratchpad > hw.scratchpad:
        return f"needs {work.scratchpad} bytes of scratchpad, of which there are {hw.scratchpad}"
    if work.accumulators > hw.accumulators:
        return (
            f"needs {work.accumulators} rows of accumulators, of which there are {hw.accumulators}"
        )
    return ""


def moved(view: View, counts: Sequence[int], hw: Hardware) -> int:
    """Bytes that DRAM moves for `counts` elements of `view` in one transfer: whole bursts for every run."""
    run, runs = view.dtype.bytes, 1
    for stride, count in sorted(zip(map(abs, view.strides), counts, strict=True)):
        if stride == run:
            run *= count
        elif stride:
            runs *= count
    return runs * -(-run // hw.burst) * hw.burst


def ported(elements: int, run: int, size: int, hw: Hardware) -> int:
    """Cycles that the scratchpad takes at least for `elements` of `size` bytes in runs of `run` elements."""
    return min(-(-elements // hw.banks), elements // run * -(-run * size // (4 * hw.banks)))
