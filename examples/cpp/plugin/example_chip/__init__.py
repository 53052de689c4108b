"""The example vendor's plugin: a table, and a compiler to the programs that `example_driver.c` runs.

A program is 8 bytes of magic, then four u32 (inputs, outputs, registers, instructions), the registers of the
outputs, and the instructions: four bytes each, an operation and the registers of its result and its operands.
All numbers are little endian. The inputs are the first registers.
"""

import struct
from pathlib import Path

import byoc

MAGIC = b"EXCHIP\x00\x01"
OPERATIONS = {"Relu": 0, "Add": 1, "Mul": 2}
REGISTERS = 256


@byoc.hookimpl
def byoc_vendor_spec():
    """The table beside this file."""
    return byoc.VendorSpec.from_table(Path(__file__).with_name("support.yaml"))


@byoc.hookimpl
def byoc_codegen(vendor, segment):
    """A program: a native driver runs it, so there is no byoc_load."""
    if vendor == "example":
        return byoc.Blob(assemble(segment.to_onnx().graph))
    return None


def assemble(graph):
    """The program of an ONNX graph."""
    registers = {value.name: index for index, value in enumerate(graph.input)}
    code = b""
    for node in graph.node:
        operands = [registers[name] for name in node.input]
        result = registers.setdefault(node.output[0], len(registers))
        if result >= REGISTERS:
            raise ValueError(f"the segment needs more than {REGISTERS} registers")
        code += bytes([OPERATIONS[node.op_type], result, operands[0], operands[-1]])
    outputs = [registers[value.name] for value in graph.output]
    counts = len(graph.input), len(outputs), len(registers), len(graph.node)
    return MAGIC + struct.pack(f"<4I{len(outputs)}I", *counts, *outputs) + code
