"""What a vendor's toolchain can do to the process it runs in; each for real."""

import ctypes
import os
import sys
import time

import byoc


def raises(segment):
    raise RuntimeError("the scheduler ran out of registers")


def abort(segment):
    os.write(2, b"assertion failed: live < 32\n")
    os.abort()


def segv(segment):
    os.write(2, b"compiling the vector unit\n")
    ctypes.string_at(0)


def hang(segment):
    time.sleep(3600)


def exit0(segment):
    os._exit(0)


def exit_politely(segment):
    sys.exit("no licence")


def empty(segment):
    return byoc.Blob(b"")


def no_parts(segment):
    return byoc.Blob({})


def garbage(segment):
    return "0xdeadbeef"


def wrong_parts(segment):
    return byoc.Blob({"code": "text, not bytes", 7: b"a name that is no text"})


def wrong_report(segment):
    return byoc.Blob(b"code", report={"when": object()})


def wrong_orders(segment):
    return byoc.Blob(b"code", orders={"no such port": (0, 0, 9)})


def fork(segment):
    """Leave two children behind that hold the worker's standard output open."""
    for _ in range(2):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)


def noise(segment):
    """Write a megabyte to standard output, from Python and from below it, then go on."""
    print("x" * 2**20)
    os.write(1, b"\xff\xfe{not json}\n" * 1000)


def bomb(segment):
    """Take memory, and touch it, 64 MiB at a time until something stops that, or 8 GiB are taken."""
    held = []
    while len(held) < 128:
        held.append(bytearray(os.urandom(2**20)) * 64)
    return byoc.Refusal("codegen-failed", "nothing stopped the bomb")


def refuse(segment):
    return byoc.Refusal("codegen-failed", "the vector unit has no slot for this")


def refuse_nodes(segment):
    """Refuse, and name the source nodes of the first exp."""
    nodes = next(op.nodes for op in segment.ops if op.name == "exp")
    return byoc.Refusal("codegen-failed", "the vector unit has no exp", nodes=nodes)


def refuse_unknown_nodes(segment):
    return byoc.Refusal("codegen-failed", "a node of another model", nodes=("no such node",))


def wrong(segment):
    """Compile it to something that computes a sigmoid for every exp."""
    model = segment.to_onnx(17)
    for node in model.graph.node:
        node.op_type = {"Exp": "Sigmoid"}.get(node.op_type, node.op_type)
    return byoc.Blob(model.SerializeToString(deterministic=True))


def slow(segment):
    """Take a second, then go on."""
    time.sleep(1)


FAULTS = {
    "raise": raises,
    "abort": abort,
    "segv": segv,
    "hang": hang,
    "exit0": exit0,
    "exit": exit_politely,
    "empty": empty,
    "no-parts": no_parts,
    "garbage": garbage,
    "wrong-parts": wrong_parts,
    "wrong-report": wrong_report,
    "wrong-orders": wrong_orders,
    "fork": fork,
    "noise": noise,
    "bomb": bomb,
    "refuse": refuse,
    "refuse-nodes": refuse_nodes,
    "refuse-unknown-nodes": refuse_unknown_nodes,
    "wrong": wrong,
    "slow": slow,
}
"""By name. A fault that returns None goes on to compile as if nothing had been."""
