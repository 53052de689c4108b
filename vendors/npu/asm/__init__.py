"""Programs as text: `assemble` and `disassemble`, and `parse` and `write` with the names that a program loses."""

from byoc.vendors.npu.asm.buffers import Buffer as Buffer
from byoc.vendors.npu.asm.buffers import Scope as Scope
from byoc.vendors.npu.asm.reader import assemble as assemble
from byoc.vendors.npu.asm.reader import parse as parse
from byoc.vendors.npu.asm.writer import Assembly as Assembly
from byoc.vendors.npu.asm.writer import Part as Part
from byoc.vendors.npu.asm.writer import disassemble as disassemble
from byoc.vendors.npu.asm.writer import write as write
