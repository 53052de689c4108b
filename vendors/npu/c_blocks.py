"""What the C templates need of each record: its loops, and the expressions that stand in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.asm.forms import float32
from byoc.vendors.npu.hardware import Hardware

Steps = Iterable[tuple[str, int, int]]
"""Variable, count and stride of each dimension, outermost first."""

Block = dict[str, Any]

_MEMORY: Final = {isa.Space.SP: "sp", isa.Space.CONST: "constants", isa.Space.TMP: "tmp"}
_SMALL: Final = (isa.Dtype.S8, isa.Dtype.U8)


def block(record: isa.Record, hardware: Hardware, depth: int) -> Block:
    """The template of `record` and what it takes; control has `text` and no template."""
    if isinstance(record, isa.Instruction):
        kind = type(record)
        return {"template": "", **_BLOCKS[kind](record, hardware)}
    return {"template": "", "text": _control(record, depth)}


def _control(record: isa.Record, depth: int) -> str:
    if isinstance(record, isa.Loop):
        name = f"round{depth}"
        return f"for (int64_t {name} = 0; {name} < {record.count}; ++{name}) {{"
    if isinstance(record, isa.Set):
        return f"r{record.reg} = {record.value};"
    if isinstance(record, isa.Add):
        return f"r{record.reg} += {record.value};"
    return "}"


def _offset(at: isa.At, steps: Steps) -> list[str]:
    """What is added up to the place of an element."""
    terms = [str(at.base)] if at.base else []
    terms += [f"r{at.reg}"] if at.reg else []
    for var, count, stride in steps:
        if count != 1 and stride:
            terms.append(var if stride == 1 else f"{var} * {stride}")
    return terms


def _place(at: isa.At, steps: Steps = ()) -> str:
    """The address of an element of a byte-addressed memory."""
    memory = _MEMORY.get(at.space) or f"{at.space.name.lower()}[{at.index}]"
    return " + ".join((memory, *_offset(at, steps))).replace("+ -", "- ")


def _lane(at: isa.At, steps: Steps, var: str, count: int, step: int, columns: int) -> str:
    """The address of lane `var % columns` of an accumulator row; further blocks of lanes are `step` rows on."""
    blocks = [(f"{var} / {columns}", 1 + (count > columns), step)]
    row = " + ".join(_offset(at, (*steps, *blocks)) or ["0"])
    lane = f"{var} % {columns}" if count > columns else var if count > 1 else "0"
    return f"acc + 4 * (({row}) * {columns} + {lane})".replace("+ -", "- ")


def _loops(steps: Iterable[tuple[str, int]]) -> Block:
    """The loops that are any, and the indentation of what stands in them."""
    loops = [(var, count) for var, count in steps if count != 1]
    return {"loops": loops, "pad": "    " * max(len(loops), 1)}


def _load(each: isa.Load, hardware: Hardware) -> Block:
    names = ("i3", "i2", "i1", "i0")
    padded = any(dim.before or dim.after for dim in each.dims)
    block = _copy(each.target, each.source, each.dims, each.size)
    if not padded:
        return {"template": "copy.c.j2", **block}
    whole = [dim.before + dim.count + dim.after for dim in each.dims]
    steps = [(n, c, d.sp) for n, c, d in zip(names, whole, each.dims, strict=True)]
    fill = {
        **_loops(zip(names, whole, strict=True)),
        "to": _place(each.target, steps),
        "value": f"{each.fill & 0xFFFFFFFF:#x}u",
        "size": each.size,
    }
    return {"template": "padded.c.j2", "fill": fill, "moved": block}


def _copy(target: isa.At, source: isa.At, dims: Iterable[isa.Dim], size: int) -> Block:
    """A load's copy: what is padding is passed over."""
    given = list(zip(("i3", "i2", "i1", "i0"), dims, strict=True))
    inner = isa.At(
        target.space,
        target.base + sum(dim.before * dim.sp for _, dim in given),
        target.reg,
        target.index,
    )
    return {
        **_loops((var, dim.count) for var, dim in given),
        "to": _place(inner, [(var, dim.count, dim.sp) for var, dim in given]),
        "source": _place(source, [(var, dim.count, dim.dram) for var, dim in given]),
        "size": size,
    }


def _store(each: isa.Store, hardware: Hardware) -> Block:
    given = list(zip(("i3", "i2", "i1", "i0"), each.dims, strict=True))
    return {
        "template": "copy.c.j2",
        **_loops((var, dim.count) for var, dim in given),
        "to": _place(each.target, [(var, dim.count, dim.dram) for var, dim in given]),
        "source": _place(each.source, [(var, dim.count, dim.sp) for var, dim in given]),
        "size": each.size,
    }


def _fill(each: isa.Fill, hardware: Hardware) -> Block:
    names = ("i2", "i1", "i0")
    steps = list(zip(names, each.shape, each.strides, strict=True))
    return {
        "template": "fill.c.j2",
        **_loops(zip(names, each.shape, strict=True)),
        "to": _place(each.target, steps),
        "value": f"{each.value & 0xFFFFFFFF:#x}u",
        "size": each.size,
    }


def _get(dtype: isa.Dtype, place: str, zero: int = 0) -> str:
    """The value at `place`; of 8 bits `stored - zero`."""
    got = f"get_{dtype.name.lower()}({place})"
    return f"({got} - {zero})".replace("- -", "+ ") if zero else got


def _taps(*counts: tuple[str, int]) -> Block:
    loops = [(var, count) for var, count in counts if count != 1]
    taps = [("    " * depth, var, count) for depth, (var, count) in enumerate(loops)]
    return {"taps": taps, "inner": "    " * len(taps)}


def _mm(each: isa.Mm, hardware: Hardware) -> Block:
    columns = hardware.columns
    size = each.dtype_a.bytes
    pixels = [("m1", each.m1, each.am1), ("m0", each.m0, each.am0)]
    a = [*pixels, ("k2", each.k2, each.ak2), ("k1", each.k1, each.ak1), ("k0", each.k0, size)]
    row = columns * each.dtype_b.bytes
    b = [
        (f"n / {columns}", 1 + (each.n > columns), each.bn),
        ("k2", each.k2, each.k1 * each.k0 * row),
        ("k1", each.k1, each.k0 * row),
        ("k0", each.k0, row),
        (f"n % {columns}" if each.n > columns else "n", each.n, each.dtype_b.bytes),
    ]
    rows = [("m1", each.m1, each.m0), ("m0", each.m0, 1)]
    return {
        "template": "mm.c.j2",
        **_loops([("m1", each.m1), ("m0", each.m0), ("n", each.n)]),
        **_taps(("k2", each.k2), ("k1", each.k1)),
        "real": each.dtype_a not in _SMALL,
        "keep": each.keep,
        "k0": each.k0,
        "step": hardware.depth("bfloat16" if each.dtype_a is isa.Dtype.BF16 else "float32"),
        "acc": _lane(each.acc, rows, "n", each.n, each.accn, columns),
        "a": _get(each.dtype_a, _place(each.a, a), each.zero_a),
        "b": _get(each.dtype_b, _place(each.b, b), each.zero_b),
    }


def _win(each: isa.Win, hardware: Hardware) -> Block:
    columns = hardware.columns
    size = each.dtype_a.bytes
    pixels = [("m1", each.m1, each.am1), ("m0", each.m0, each.am0)]
    channel = ("c", each.channels, size)
    taps = [("k2", each.k2, each.ak2), ("k1", each.k1, each.ak1)]
    weights = [
        ("k2", each.k2, each.k1 * each.bk),
        ("k1", each.k1, each.bk),
        ("c", each.channels, each.dtype_b.bytes),
    ]
    rows = [("m1", each.m1, each.m0), ("m0", each.m0, 1)]
    real = each.dtype_a not in _SMALL
    mac = each.op is isa.Window.MAC
    return {
        "template": "win.c.j2",
        **_loops([("m1", each.m1), ("m0", each.m0), ("c", each.channels)]),
        **_taps(("k2", each.k2), ("k1", each.k1)),
        "op": each.op.name.lower(),
        "real": real,
        "type": "float" if real else "int32_t",
        "getter": "get_f32" if real else "get_s32",
        "keep": each.keep,
        "acc": _lane(each.acc, rows, "c", each.channels, each.accn, columns),
        "first": _get(each.dtype_a, _place(each.a, (*pixels, channel)), each.zero_a),
        "a": _get(each.dtype_a, _place(each.a, (*pixels, *taps, channel)), each.zero_a),
        "b": _get(each.dtype_b, _place(each.b, weights), each.zero_b) if mac else "",
    }


def _element(operand: isa.Operand, shape: tuple[int, int, int], columns: int) -> str:
    """Where element (i2, i1, i0) of an operand stands."""
    outer = list(zip(("i2", "i1"), shape, operand.strides, strict=False))
    if operand.at.space is isa.Space.ACC:
        return _lane(operand.at, outer, "i0", shape[2], operand.strides[2], columns)
    return _place(operand.at, (*outer, ("i0", shape[2], operand.strides[2])))


def number(value: float, suffix: str = "f") -> str:
    """A literal that is exactly the float32 `value`."""
    value = float32(value)
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}" if suffix else f"{value:.17g}"
    return f"{text}{'' if '.' in text or 'e' in text else '.0'}{suffix}"


def _read(operand: isa.Operand, shape: tuple[int, int, int], columns: int) -> str:
    """What an element means, as float32; of S32 as float64."""
    got = _get(operand.dtype, _element(operand, shape, columns))
    if operand.dtype is isa.Dtype.S32:
        zero = f"((double){got} - {operand.zero})" if operand.zero else f"(double){got}"
        return f"{zero.replace('- -', '+ ')} * {number(operand.scale, '')}"
    if operand.dtype in _SMALL:
        whole = f"({got} - {operand.zero})".replace("- -", "+ ") if operand.zero else got
        return f"(float){whole} * {number(operand.scale)}"
    return got


def _vec(each: isa.Vec, hardware: Hardware) -> Block:
    columns = hardware.columns
    vector = [("i0", each.shape[2], 4)] if each.each else []
    mult, bias = (
        f"get_f32({_place(at, vector)})" if at.space is not isa.Space.NONE else ""
        for at in (each.mult, each.bias)
    )
    wide = each.a.dtype is isa.Dtype.S32
    words = {"round": "", "wide_": "wide_"} if wide else {"round": "(float)", "wide_": ""}
    steps = [f"t = t * {mult};"] if mult else []
    steps += [f"t = t + {bias};"] if bias else []
    if each.op is not isa.Binary.NONE:
        other = _read(each.b, each.shape, columns)
        if each.b.dtype in _SMALL:
            other = f"({other})"
        elif each.b.dtype is isa.Dtype.S32:
            other = f"({other})" if wide else f"(float)({other})"
        steps.append(f"t = {_JOINED[each.op].format(b=other, **words)};")
    act = _ACTS[each.act]
    if act:
        steps.append(
            f"t = {act.format(p=number(each.p), q=number(each.q), wide=number(each.p, ''), **words)};"
        )
    return {
        "template": "vec.c.j2",
        **_loops(zip(("i2", "i1", "i0"), each.shape, strict=True)),
        "type": "double" if wide else "float",
        "a": _read(each.a, each.shape, columns),
        "steps": steps,
        "put": _put(each.dst, _element(each.dst, each.shape, columns), wide=wide),
    }


def _put(dst: isa.Operand, place: str, *, wide: bool) -> str:
    if dst.dtype in _SMALL:
        least, most = (-128, 127) if dst.dtype is isa.Dtype.S8 else (0, 255)
        call = "wide_quantised" if wide else "quantised"
        return f"*({place}) = {call}(t, {number(dst.scale)}, {dst.zero}, {least}, {most})"
    return f"put_{dst.dtype.name.lower()}({place}, {'(float)t' if wide else 't'})"


def _red(each: isa.Red, hardware: Hardware) -> Block:
    columns = hardware.columns
    n2, n1, n0 = each.shape
    read = _read(each.src, each.shape, columns)
    return {
        "template": "red.c.j2",
        **_loops([("i2", n2), ("i1", n1)]),
        "op": each.op.name.lower(),
        "n0": n0,
        "a": read,
        "to": _element(each.dst, (n2, n1, 1), columns),
        "factor": number(each.factor, ""),
    }


_JOINED: Final = {
    isa.Binary.ADD: "t + {b}",
    isa.Binary.SUB: "t - {b}",
    isa.Binary.RSUB: "{b} - t",
    isa.Binary.MUL: "t * {b}",
    isa.Binary.DIV: "t / {b}",
    isa.Binary.RDIV: "{b} / t",
    isa.Binary.MAX: "{wide_}larger(t, {b})",
    isa.Binary.MIN: "{wide_}smaller(t, {b})",
}

_ACTS: Final = {
    isa.Act.NONE: "",
    isa.Act.RELU: "t < 0 ? 0.0f : t",
    isa.Act.CLIP: "{wide_}smaller({wide_}larger(t, {p}), {q})",
    isa.Act.LEAKY: "t >= 0 ? t : {p} * t",
    isa.Act.SIGMOID: "{round}sigmoid(t)",
    isa.Act.TANH: "{round}tanh(t)",
    isa.Act.HARDSIGMOID: "{wide_}smaller({wide_}larger({p} * t + {q}, 0.0f), 1.0f)",
    isa.Act.HARDSWISH: "t * {wide_}smaller({wide_}larger(t / 6 + 0.5f, 0.0f), 1.0f)",
    isa.Act.GELU: "{round}((double)t * (1 + erf((double)t * 0.70710678118654752440)) / 2)",
    isa.Act.GELU_TANH: "{round}((double)t * (1 + tanh(0.79788456080286535588 * "
    "((double)t + 0.044715 * (double)t * (double)t * (double)t))) / 2)",
    isa.Act.SILU: "{round}((double)t * sigmoid(t))",
    isa.Act.EXP: "{round}exp(t)",
    isa.Act.SQRT: "{round}sqrt((double)t + {wide})",
    isa.Act.RSQRT: "{round}(1 / sqrt((double)t + {wide}))",
    isa.Act.SQUARE: "t * t",
    isa.Act.ERF: "{round}erf(t)",
    isa.Act.RECIP: "1 / t",
    isa.Act.ABS: "{round}fabs(t)",
    isa.Act.NEG: "-t",
    isa.Act.POW: "{round}pow(t, {wide})",
    isa.Act.LOG: "{round}log(t)",
}
"""The functions as docs/npu/isa.md says: transcendental ones in float64, rounded once where t is a float."""

_BLOCKS: Final[Mapping[type[Any], Callable[[Any, Hardware], Block]]] = {
    isa.Load: _load,
    isa.Store: _store,
    isa.Mm: _mm,
    isa.Vec: _vec,
    isa.Red: _red,
    isa.Win: _win,
    isa.Fill: _fill,
}
