"""The cost of a product under a configuration, in closed form.

A tile occupies the loader, the matrix unit, the vector unit and the storer one after the other; with several slots
these run side by side, each tile waiting for the slot of an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.kernels.cost import Estimate, moved, ported
from byoc.vendors.npu.kernels.cut import Cut
from byoc.vendors.npu.places import View

_SLOW: Final = frozenset(isa.Act) - {
    isa.Act.NONE,
    isa.Act.RELU,
    isa.Act.CLIP,
    isa.Act.LEAKY,
    isa.Act.SQUARE,
    isa.Act.ABS,
    isa.Act.NEG,
    isa.Act.HARDSIGMOID,
    isa.Act.HARDSWISH,
}


@dataclass(frozen=True, slots=True)
class _Transfer:
    """One transfer: bytes of DRAM that it moves, and the cycles that it takes at least."""

    bytes: int = 0
    cycles: int = 0

    def times(self, count: int) -> _Transfer:
        return _Transfer(self.bytes * count, self.cycles * count)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is done how often: totals of the units, and single transfers of the largest tiles."""

    tiles: int
    matrix: int
    vector: int
    copies: int
    inputs: _Transfer
    weights: _Transfer
    others: _Transfer
    results: _Transfer
    input_loads: int
    weight_loads: int


def cost(cut: Cut) -> Estimate:
    """Cycles, what they are spent on, and what has to be there."""
    why = _lacking(cut)
    if why:
        return Estimate(
            0,
            scratchpad=cut.scratch,
            accumulators=cut.rows * min(cut.config.slots, 2),
            valid=False,
            why=why,
        )
    hw, parts = cut.hw, _parts(cut)
    load = parts.inputs.times(parts.input_loads).cycles
    load += parts.weights.times(parts.weight_loads).cycles + parts.others.times(parts.tiles).cycles
    store = parts.results.times(parts.tiles).cycles
    bytes_in = parts.inputs.bytes * parts.input_loads + parts.weights.bytes * parts.weight_loads
    bytes_in += parts.others.bytes * parts.tiles
    bytes_out = parts.results.bytes * parts.tiles
    memory = max(load, store, -(-(bytes_in + bytes_out) // hw.bandwidth))
    cycles = _serial(cut, parts) if cut.config.slots == 1 else _parallel(cut, parts, memory)
    return Estimate(
        cycles=cycles,
        matrix=parts.matrix,
        vector=parts.vector,
        load=load,
        store=store,
        macs=cut.product.macs,
        bytes_in=bytes_in,
        bytes_out=bytes_out,
        scratchpad=cut.scratch,
        accumulators=cut.rows * min(cut.config.slots, 2),
    )


def _lacking(cut: Cut) -> str:
    rows = cut.hw.accumulators // cut.config.slots
    if cut.rows > rows:
        return f"needs {cut.rows} rows of accumulators, of which a tile has {rows}"
    if cut.scratch > cut.hw.scratchpad:
        return f"needs {cut.scratch} bytes of scratchpad, of which there are {cut.hw.scratchpad}"
    return ""


def _parts(cut: Cut) -> _Parts:
    product, hw, config = cut.product, cut.hw, cut.config
    images, high, wide = product.pixels
    batches, banks = len(product.batches), len(product.batches[0].banks)
    areas = _areas(high, wide, config.rows, config.columns)
    blocks = sum(each.tiles * each.blocks for each in cut.widths) * banks
    repeats = images * batches
    matrix = repeats * blocks * cut.steps * sum(n * max(area, hw.rows) for area, n in areas)
    lanes = sum(each.tiles * -(-each.channels // hw.lanes) for each in cut.widths) * banks
    special = hw.special if _slow(cut) else 1
    pixels = images * sum(n for _, n in areas)
    outputs = sum(each.tiles for each in cut.widths) * banks
    input_loads, weight_loads = _loads(cut, pixels, outputs)
    return _Parts(
        tiles=pixels * outputs * batches,
        matrix=matrix,
        vector=repeats * lanes * high * wide * special,
        copies=_copies(cut, input_loads, weight_loads) * batches,
        inputs=_input(cut),
        weights=_weight(cut),
        others=_other(cut),
        results=_result(cut),
        input_loads=input_loads * batches,
        weight_loads=weight_loads * batches,
    )


def _areas(high: int, wide: int, rows: int, columns: int) -> list[tuple[int, int]]:
    """Pixels of the tiles of an image, and how many tiles have as many."""
    downs = _pieces(high, rows)
    rights = _pieces(wide, columns)
    return [(a * b, n * m) for a, n in downs for b, m in rights]


def _pieces(total: int, width: int) -> list[tuple[int, int]]:
    full, rest = divmod(total, width)
    return [(each, n) for each, n in ((width, full), (rest, int(rest > 0))) if n]


def _loads(cut: Cut, pixels: int, outputs: int) -> tuple[int, int]:
    """How often a tile of the input and one of the weights is loaded, by what the rings have room for."""
    config, passes = cut.config, cut.rounds

    def loads(mine: int, other: int, outer: bool, slots: int) -> int:
        enough = slots >= passes if outer or other == 1 else slots >= mine * passes
        return mine * passes * (1 if enough or other == 1 else other)

    return (
        loads(pixels, outputs, config.order == "input", config.input_slots),
        loads(outputs, pixels, config.order == "weight", config.weight_slots),
    )


def _slow(cut: Cut) -> bool:
    epilogue = cut.product.epilogue
    return epilogue.op in (isa.Binary.DIV, isa.Binary.RDIV) or epilogue.act in _SLOW


def _transfer(cut: Cut, view: View, counts: tuple[int, ...], run: int) -> _Transfer:
    """A load of a tile of `view`, which stands in the scratchpad in runs of `run` elements."""
    if view.space is isa.Space.SP:
        return _Transfer()
    total = 1
    for count in counts:
        total *= count
    size = moved(view, counts, cut.hw)
    cycles = max(-(-size // cut.hw.load_bandwidth), ported(total, run, view.dtype.bytes, cut.hw))
    return _Transfer(size, cycles)


def _input(cut: Cut) -> _Transfer:
    """A load of the largest input tile, on average: padding is not loaded."""
    product, config, x = cut.product, cut.config, cut.product.x
    rows, columns = cut.most
    high, wide = cut.reach(rows, columns)
    channels = x.shape[1] if product.groups > 1 else min(config.depth, product.channels)
    if config.folded:
        high = rows * product.kernel[0]
    high, wide = min(high, x.shape[2] * product.kernel[0]), min(wide, x.shape[3])
    high = high if config.folded else min(high, x.shape[2])
    side_by_side = x.strides[1] == x.dtype.bytes and not config.folded
    run = channels * wide if side_by_side else 1
    return _transfer(cut, x, (1, channels, high, wide), run)


def _weight(cut: Cut) -> _Transfer:
    product, weight = cut.product, cut.product.bank.weight
    size = cut.weight_bytes
    if not isinstance(weight, View):
        return _Transfer(size, -(-size // cut.hw.load_bandwidth))
    depth, count = min(cut.config.depth, product.channels), cut.widest
    right = weight.strides[1] == weight.dtype.bytes
    return _transfer(cut, weight, (depth, count), cut.hw.columns if right else 1)


def _other(cut: Cut) -> _Transfer:
    other = cut.product.bank.other
    return _Transfer() if other is None else _tile(cut, other)


def _result(cut: Cut) -> _Transfer:
    return _tile(cut, cut.product.bank.out)


def _tile(cut: Cut, view: View) -> _Transfer:
    rows, columns = cut.most
    run = cut.widest if view.strides[1] == view.dtype.bytes else 1
    full = run * columns if cut.widest == view.shape[1] else run
    return _transfer(cut, view, (1, cut.widest, rows, columns), full)


def _copies(cut: Cut, inputs: int, weights: int) -> int:
    """Cycles of the vector unit for operands that are copied within the scratchpad."""
    x, weight, cycles = cut.product.x, cut.product.bank.weight, 0
    if x.space is isa.Space.SP and not cut.inside:
        cycles += inputs * -(-cut.input_bytes // x.dtype.bytes // cut.hw.lanes) * 5 // 4
    if isinstance(weight, View) and weight.space is isa.Space.SP:
        cycles += weights * -(-cut.weight_bytes // weight.dtype.bytes // cut.hw.lanes)
    return cycles


def _serial(cut: Cut, parts: _Parts) -> int:
    """One tile after the other: the next one's loads run beside the end of this one only."""
    hw, tiles = cut.hw, parts.tiles
    load = parts.inputs.cycles * parts.input_loads + parts.weights.cycles * parts.weight_loads
    load = load // tiles + parts.others.cycles + hw.load_latency
    vector = (parts.vector + parts.copies) // tiles + hw.vector_latency
    matrix = parts.matrix // tiles + hw.matrix_latency * cut.rounds
    matrix += (cut.rounds - 1) * load // cut.rounds
    drain = vector + parts.results.cycles + hw.store_latency
    return tiles * max(matrix + max(load, vector), drain) + drain


def _parallel(cut: Cut, parts: _Parts, memory: int) -> int:
    """Whatever is busy longest, the first tile's loads, the last one's end, and what does not overlap between."""
    hw, config, tiles, passes = cut.hw, cut.config, parts.tiles, cut.rounds
    matrix, vector = parts.matrix // tiles, (parts.vector + parts.copies) // tiles
    start = hw.load_latency + parts.inputs.cycles + parts.weights.cycles
    end = hw.matrix_latency + vector + hw.vector_latency + parts.results.cycles + hw.store_latency
    loads = hw.load_latency + hw.matrix_latency + matrix // passes
    store = vector + parts.results.cycles + hw.vector_latency + hw.store_latency
    period = max(_halves(cut, parts) // tiles, store // config.slots)
    if parts.input_loads >= tiles * passes:
        period = max(period, passes * (loads + parts.inputs.cycles) // config.input_slots)
    if parts.weight_loads >= tiles * passes:
        period = max(period, passes * (loads + parts.weights.cycles) // config.weight_slots)
    body = max(period * tiles, memory - parts.inputs.cycles - parts.weights.cycles)
    return start + body + _imbalance(cut, parts, period) + end


def _halves(cut: Cut, parts: _Parts) -> int:
    """Cycles of all tiles by the two units alone, which take turns at the halves of the accumulators.

    A tile's successor but one waits until the vector unit is done with it: a small tile after a large one does not
    last as long. The tiles of the inner loop are full, but for the last ones.
    """
    tiles, both = parts.tiles, cut.hw.matrix_latency + cut.hw.vector_latency
    copies = parts.copies // tiles
    sizes = _inner(cut, parts)
    total, everything = 0, sum(count for count, _, _ in sizes)
    for i, (count, matrix, vector) in enumerate(sizes):
        following = sizes[(i + 1) % len(sizes)][1]
        vector += copies
        total += (count - 1) * max(matrix, vector, (matrix + vector + both) // 2)
        total += max(
            following, vector, (following + vector + both) // (2 if len(sizes) == 1 else 1)
        )
    return total * tiles // everything


def _inner(cut: Cut, parts: _Parts) -> list[tuple[int, int, int]]:
    """How many tiles of the inner loop have which cycles of matrix and vector unit, for an average outer tile."""
    _, high, wide = cut.product.pixels
    areas = _areas(high, wide, cut.config.rows, cut.config.columns)
    waits = (cut.rounds - 1) * cut.hw.matrix_latency
    pace = cut.hw.special if _slow(cut) else 1
    widths = [(n, blocks, -(-channels // cut.hw.lanes)) for n, blocks, channels in cut.widths]
    if cut.config.order == "weight":
        outputs = sum(n for n, _, _ in widths)
        blocks = sum(n * each for n, each, _ in widths) / outputs
        lanes = sum(n * each for n, _, each in widths) / outputs
        return [
            (n, int(blocks * cut.steps * max(area, cut.hw.rows)) + waits, int(lanes * area * pace))
            for area, n in areas
        ]
    tiles = sum(n for _, n in areas)
    rows = sum(n * max(area, cut.hw.rows) for area, n in areas) / tiles
    area = high * wide / tiles
    return [
        (n, int(each * cut.steps * rows) + waits, int(wide * area * pace))
        for n, each, wide in widths
    ]


def _imbalance(cut: Cut, parts: _Parts, period: int) -> int:
    """What the first round of tiles waits for: all of the operand that is loaded once and then stays.

    Where neither is loaded once, each round waits for what stays during it, beyond what the slots hide.
    """
    batches = len(cut.product.batches)
    outputs = sum(each.tiles for each in cut.widths) * len(cut.product.batches[0].banks)
    pixels, passes = parts.tiles // outputs // batches, cut.rounds
    weighs = cut.config.order == "weight"
    rounds, each = (outputs, pixels) if weighs else (pixels, outputs)
    stays, goes = (parts.weights, parts.inputs) if weighs else (parts.inputs, parts.weights)
    loads = parts.input_loads if weighs else parts.weight_loads
    slots = cut.config.input_slots if weighs else cut.config.weight_slots
    if loads <= each * passes * batches:
        first = goes.cycles * each * passes + stays.cycles * passes
        return max(0, first - each * period)
    hidden = max(0, slots - passes) * period + (cut.config.slots - 1) * period
    return (rounds - 1) * max(0, stays.cycles * passes - hidden)
