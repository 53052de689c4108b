"""The C++ structs are what encoding.py writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from byoc.vendors.npu import isa
from byoc.vendors.npu.encoding import layout
from tests.conftest import ROOT
from tests.runtime.native.toolchain import compiler

NATIVE = ROOT / "vendors" / "npu" / "native"
SIZES = {"At": 16, "Operand": 40, "Dim": 16, "f32": 4, "u32": 4, "i32": 4}


def assertions() -> list[str]:
    """What must hold of each field of each struct, in C++."""
    lines = []
    for kind in isa.OPCODES:
        for field, offset, type_ in layout(kind):
            name = f"npu::{kind.__name__}"
            if type_ == "u32 0, i64":
                lines.append(f"static_assert(offsetof({name}, zero) == {offset});")
                offset, size = offset + 4, 8
            else:
                size = SIZES[type_]
            lines.append(f"static_assert(offsetof({name}, {field}) == {offset});")
            lines.append(f"static_assert(sizeof({name}::{field.split('[')[0]}) % {size} == 0);")
    return lines


def enumerations() -> list[str]:
    """How many members each enumeration has, and what numbers opcodes have."""
    lines = [
        f"static_assert(int(npu::Opcode::k{each.name.title()}) == {each});" for each in isa.Opcode
    ]
    kinds = (isa.Binary, isa.Act, isa.Reduce, isa.Window)
    lines += [f"static_assert(int(npu::{k.__name__}::kCount) == {len(k)});" for k in kinds]
    lines.append(f"static_assert(npu::kDtypes == {len(isa.Dtype)});")
    lines.append(f"static_assert(npu::kSpaces == {len(isa.Space)});")
    lines += [f"static_assert(npu::BytesOf({each}) == {each.bytes});" for each in isa.Dtype]
    lines.append(f"static_assert(npu::kRecord == {isa.RECORD} && npu::kLine == {isa.LINE});")
    lines.append(f"static_assert(npu::kRegisters == {isa.REGISTERS});")
    lines.append(f"static_assert(npu::kDepth == {isa.DEPTH});")
    return lines


def test_fields_stand_where_the_encoding_puts_them(tmp_path: Path) -> None:
    source = tmp_path / "layout.cc"
    text = "\n".join(['#include "instructions.h"', *assertions(), *enumerations()])
    source.write_text(text, "utf-8")
    command = [compiler(), "-std=c++17", "-fsyntax-only", f"-I{NATIVE}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
