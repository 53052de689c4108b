"""The instruction set: what docs/npu/isa.md specifies, as data. The only place where encodings stand.

Memory: `sp` is the scratchpad (bytes), `acc` the accumulators (rows of as many 32-bit lanes as the matrix unit has
columns). DRAM is seen as `const` (the constant pool), `tmp` (workspace), `in` and `out` (the caller's tensors, by
index). Every address is `base` plus a register; register 0 is always 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final

RECORD: Final = 192
"""Bytes of every encoded instruction."""

LINE: Final = 64
"""Bytes of a line: tokens must order accesses of two queues to one line, unless both read."""

REGISTERS: Final = 32
DEPTH: Final = 6
"""How deep loops may stand in each other."""


class Dtype(IntEnum):
    """Types of elements. S32 is what accumulators hold of 8-bit products."""

    F32 = 0
    BF16 = 1
    S8 = 2
    U8 = 3
    S32 = 4

    @property
    def bytes(self) -> int:
        """Bytes of one element."""
        return (4, 2, 1, 1, 4)[self]


class Space(IntEnum):
    """What an address counts in."""

    NONE = 0
    SP = 1
    ACC = 2
    CONST = 3
    TMP = 4
    IN = 5
    OUT = 6


class Queue(IntEnum):
    """The three queues; instructions of one run in order."""

    LOAD = 0
    COMPUTE = 1
    STORE = 2


class Tokens(IntFlag):
    """What an instruction waits for before it starts, and whom it signals when it is done.

    A wait takes one token that the named queue sent to this one; a signal sends one from this queue to the named.
    """

    NONE = 0
    WAIT_LOAD = 1
    WAIT_COMPUTE = 2
    WAIT_STORE = 4
    SIGNAL_LOAD = 8
    SIGNAL_COMPUTE = 16
    SIGNAL_STORE = 32


class Binary(IntEnum):
    """How the vector unit joins its second operand: `t = t OP b`; RSUB and RDIV have the operands swapped."""

    NONE = 0
    ADD = 1
    SUB = 2
    RSUB = 3
    MUL = 4
    DIV = 5
    RDIV = 6
    MAX = 7
    MIN = 8


class Act(IntEnum):
    """Functions of one value; p and q are the instruction's two parameters.

    CLIP min(max(t, p), q); LEAKY t if t >= 0 else p t; HARDSIGMOID clip(p t + q, 0, 1); HARDSWISH
    t clip(t / 6 + 1/2, 0, 1); GELU t (1 + erf(t / sqrt 2)) / 2; GELU_TANH its tanh form; SILU t sigmoid(t);
    SQRT and RSQRT of t + p; POW t ** p; the rest are as their names say.
    """

    NONE = 0
    RELU = 1
    CLIP = 2
    LEAKY = 3
    SIGMOID = 4
    TANH = 5
    HARDSIGMOID = 6
    HARDSWISH = 7
    GELU = 8
    GELU_TANH = 9
    SILU = 10
    EXP = 11
    SQRT = 12
    RSQRT = 13
    SQUARE = 14
    ERF = 15
    RECIP = 16
    ABS = 17
    NEG = 18
    POW = 19
    LOG = 20


class Reduce(IntEnum):
    """What RED makes of a row."""

    SUM = 0
    MAX = 1
    SQUARES = 2


class Window(IntEnum):
    """What WIN makes of a window: the largest value, the sum, or the sum of products with weights."""

    MAX = 0
    SUM = 1
    MAC = 2


class Opcode(IntEnum):
    """One byte at the start of each record."""

    HALT = 0
    SET = 1
    ADD = 2
    LOOP = 3
    END = 4
    LOAD = 16
    STORE = 17
    MM = 32
    VEC = 48
    RED = 49
    WIN = 50
    FILL = 51


@dataclass(frozen=True, slots=True)
class At:
    """An address: `base` + register `reg`, bytes (ACC: rows) of `space`; `index` is an input's or output's."""

    space: Space
    base: int
    reg: int = 0
    index: int = 0


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor of up to three dimensions (outermost first) that the vector unit reads or writes.

    `strides` are bytes of SP. In ACC an element (i2, i1, i0) stands in lane `i0 % columns` (of the matrix unit) of
    row `base + i2 s2 + i1 s1 + (i0 // columns) s0`. Values of 8 bits mean `(stored - zero) * scale`; so do those of
    S32, when read.
    """

    at: At
    dtype: Dtype = Dtype.F32
    strides: tuple[int, int, int] = (0, 0, 0)
    scale: float = 1.0
    zero: int = 0


NOWHERE: Final = Operand(At(Space.NONE, 0))


@dataclass(frozen=True, slots=True)
class Instruction:
    """What all instructions that are queued have: tokens, and the composite (an index into the program's names)."""

    tokens: Tokens = Tokens.NONE
    composite: int = 0


@dataclass(frozen=True, slots=True)
class Set:
    """Set register `reg` to `value`."""

    reg: int = 0
    value: int = 0


@dataclass(frozen=True, slots=True)
class Add:
    """Add `value` to register `reg`."""

    reg: int = 0
    value: int = 0


@dataclass(frozen=True, slots=True)
class Loop:
    """Do what stands up to the matching End `count` times, at least once."""

    count: int = 1


@dataclass(frozen=True, slots=True)
class End:
    """The end of a loop's body."""


@dataclass(frozen=True, slots=True)
class Halt:
    """The end of the program."""


@dataclass(frozen=True, slots=True)
class Dim:
    """One dimension of a transfer: `count` elements from memory, strides in bytes on either side.

    `before` and `after` more elements are written to the scratchpad around them, filled and not read (loads only):
    the scratchpad's address is that of the first of these.
    """

    count: int
    dram: int
    sp: int
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Load(Instruction):
    """Copy from DRAM `source` to SP `target`: elements of `size` bytes (1, 2 or 4).

    Four dimensions, outermost first. `fill` are the bits of an element of padding.
    """

    target: At = At(Space.SP, 0)
    source: At = At(Space.CONST, 0)
    size: int = 4
    dims: tuple[Dim, Dim, Dim, Dim] = (Dim(1, 0, 0),) * 4
    fill: int = 0


@dataclass(frozen=True, slots=True)
class Store(Instruction):
    """Copy from SP `source` to DRAM `target`, as Load without padding."""

    target: At = At(Space.TMP, 0)
    source: At = At(Space.SP, 0)
    size: int = 4
    dims: tuple[Dim, Dim, Dim, Dim] = (Dim(1, 0, 0),) * 4


@dataclass(frozen=True, slots=True)
class Mm(Instruction):
    """The matrix unit: acc[m, n] (+)= sum over k of (a[m, k] - zero_a) * (b[k, n] - zero_b).

    m runs over m1 x m0, k over k2 x k1 x k0. a[m, k] stands in SP at
    `a + i_m1 am1 + i_m0 am0 + i_k2 ak2 + i_k1 ak1 + i_k0 * bytes`. b is packed: blocks of C = the unit's columns,
    `bn` bytes apart, in each k2 k1 k0 rows of C elements (columns beyond n are read, their products thrown away).
    Column n of row m is accumulated in lane n % C of accumulator row `acc + (n // C) accn + i_m1 m0 + i_m0`. `keep`
    adds to what is there; otherwise it is overwritten. Both operands are F32 or BF16 (accumulated in float32) or of
    8 bits (int32, wrapping). Float sums: k in steps of the unit's depth (a step ends with k0 as well); each step's
    products are summed in order from 0 and the sum is added to the accumulator.
    """

    acc: At = At(Space.ACC, 0)
    accn: int = 0
    a: At = At(Space.SP, 0)
    b: At = At(Space.SP, 0)
    bn: int = 0
    dtype_a: Dtype = Dtype.F32
    dtype_b: Dtype = Dtype.F32
    zero_a: int = 0
    zero_b: int = 0
    m1: int = 1
    m0: int = 1
    n: int = 1
    k2: int = 1
    k1: int = 1
    k0: int = 1
    am1: int = 0
    am0: int = 0
    ak2: int = 0
    ak1: int = 0
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Vec(Instruction):
    """The vector unit, for every element: t = a; t = t * mult; t = t + bias; t = t OP b; dst = act(t).

    `shape` is (n2, n1, n0). `mult` and `bias` are float32 vectors in SP, one value for each i0 (`each` set) or one
    for all; Space.NONE leaves the step out. All in float32; where a is S32, in float64, which is rounded once, to
    dst. A dst of 8 bits gets round-half-even(t / scale) + zero, saturated; BF16 rounds to nearest even.
    """

    dst: Operand = NOWHERE
    a: Operand = NOWHERE
    b: Operand = NOWHERE
    mult: At = At(Space.NONE, 0)
    bias: At = At(Space.NONE, 0)
    each: bool = True
    op: Binary = Binary.NONE
    act: Act = Act.NONE
    p: float = 0.0
    q: float = 0.0
    shape: tuple[int, int, int] = (1, 1, 1)


@dataclass(frozen=True, slots=True)
class Red(Instruction):
    """The vector unit: dst[i2, i1] = factor * reduction over i0 of src; dst is F32, its stride 0 unused.

    All in float64, rounded once.
    """

    dst: Operand = NOWHERE
    src: Operand = NOWHERE
    op: Reduce = Reduce.SUM
    factor: float = 1.0
    shape: tuple[int, int, int] = (1, 1, 1)


@dataclass(frozen=True, slots=True)
class Win(Instruction):
    """The vector unit: windows of m1 x m0 pixels with k2 x k1 taps, `channels` adjacent elements each.

    a is read as by Mm (k0 being the channel, which is not summed over). acc[m, channel] (+)= max, sum, or sum of
    products with b[k2, k1, channel] (in SP, channels adjacent, taps `bk` bytes apart). Of floats in float32, tap by
    tap; of 8-bit values `stored - zero`, in int32. Accumulator rows as in Mm, columns being channels.
    """

    acc: At = At(Space.ACC, 0)
    accn: int = 0
    a: At = At(Space.SP, 0)
    b: At = At(Space.NONE, 0)
    bk: int = 0
    dtype_a: Dtype = Dtype.F32
    dtype_b: Dtype = Dtype.F32
    zero_a: int = 0
    zero_b: int = 0
    m1: int = 1
    m0: int = 1
    k2: int = 1
    k1: int = 1
    channels: int = 1
    am1: int = 0
    am0: int = 0
    ak2: int = 0
    ak1: int = 0
    op: Window = Window.MAX
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Fill(Instruction):
    """The vector unit: elements of `size` bytes of SP become `value` (bits), over three dimensions."""

    target: At = At(Space.SP, 0)
    size: int = 4
    value: int = 0
    shape: tuple[int, int, int] = (1, 1, 1)
    strides: tuple[int, int, int] = (0, 0, 0)


Record = Set | Add | Loop | End | Halt | Load | Store | Mm | Vec | Red | Win | Fill

OPCODES: Final[Mapping[type[Any], Opcode]] = {
    Halt: Opcode.HALT,
    Set: Opcode.SET,
    Add: Opcode.ADD,
    Loop: Opcode.LOOP,
    End: Opcode.END,
    Load: Opcode.LOAD,
    Store: Opcode.STORE,
    Mm: Opcode.MM,
    Vec: Opcode.VEC,
    Red: Opcode.RED,
    Win: Opcode.WIN,
    Fill: Opcode.FILL,
}

QUEUES: Final[Mapping[type[Any], Queue]] = {
    Load: Queue.LOAD,
    Store: Queue.STORE,
    Mm: Queue.COMPUTE,
    Vec: Queue.COMPUTE,
    Red: Queue.COMPUTE,
    Win: Queue.COMPUTE,
    Fill: Queue.COMPUTE,
}
