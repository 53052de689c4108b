"""`make bench`: how fast byoc partitions, beside TVM's FuseOpsByPattern and MergeCompositeFunctions.

Times are medians of several runs, byoc and TVM by turns in one process. Peak memory is that of a fresh process.
`python bench/partition.py [chain] [mixed] [scale] [patterns] [resnet50]` runs some parts, all by default; each
prints one line of JSON. byoc's time is reading + match + annotate + place + merge + outline; verify is apart.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from dpl import to_dpl
from tvm import IRModule, ir, relax

from byoc.partition.annotate import Annotate
from byoc.partition.graph import read_module
from byoc.partition.macs import macs
from byoc.partition.match import Match
from byoc.partition.merge import Merge
from byoc.partition.outline import Outline
from byoc.partition.patterns.ast import Op, Row
from byoc.partition.patterns.text import parse
from byoc.partition.place import Place
from byoc.partition.vendor import Vendor
from byoc.partition.verify import Verify

THREE = (
    "nn.relu(add(nn.conv2d(x, w:const), b:const))",
    "add(nn.conv2d(x, w:const), b:const)",
    "nn.conv2d(x, w:const)",
)
RUNS = 5


def chain(ops: int, unsupported: int = 0) -> IRModule:
    """A chain of conv2d, add and relu on `float32[1, 8, 8, 8]`, every so many ops one that no pattern takes."""
    ty = relax.TensorType([1, 8, 8, 8], "float32")
    first = relax.Var("x", ty)
    makers = _makers(first)
    value: Any = first
    bindings = []
    for index in range(ops):
        stranger = unsupported and index % unsupported == unsupported - 1
        model = makers[3] if stranger else makers[index % 3]
        args = [value, *list(model.args)[1:]]
        call = ir.Call(model.op, args, model.attrs, ret_ty=ty)
        last = index == ops - 1
        value = relax.Var("result", ty) if last else relax.DataflowVar(f"v{index}", ty)
        bindings.append(relax.VarBinding(value, call))
    body = relax.SeqExpr([relax.DataflowBlock(bindings)], value)
    relax.expr._update_type(body, ty)
    function = relax.Function([first], body, ty, True, ir.DictAttrs({"global_symbol": "main"}))
    return IRModule({"main": function})


def _makers(value: Any) -> list[Any]:
    weight = relax.const(np.ones((8, 8, 3, 3), "float32"))
    bias = relax.const(np.ones((1, 8, 1, 1), "float32"))
    convolution = relax.op.nn.conv2d(value, weight, padding=1)
    return [convolution, relax.op.add(value, bias), relax.op.nn.relu(value), relax.op.tanh(value)]


def three_rows() -> tuple[Row, ...]:
    """The three patterns of the chain."""
    return tuple(Row("npu", f"npu.p{index}", parse(text)) for index, text in enumerate(THREE))


def two_hundred_rows() -> tuple[Row, ...]:
    """The three patterns and 197 others on the same ops, tried first, that match nowhere."""
    tails = product(("exp", "tanh", "sigmoid", "negative", "sqrt", "abs"), repeat=3)
    heads = product(("nn.relu({})", "add({}, y)"), tails)
    texts = [head.format(f"{a}({b}({c}(x)))") for head, (a, b, c) in heads][:197]
    others = [Row("npu", f"npu.other{index}", parse(text)) for index, text in enumerate(texts)]
    return (*others, *three_rows())


def byoc(module: IRModule, vendor: Vendor) -> dict[str, Any]:
    """Seconds of each stage, and the outlined module."""
    seconds: dict[str, Any] = {}
    graphs = _timed(seconds, "read", partial(read_module, module))
    blocks = []
    for graph in graphs:
        matched = _timed(seconds, "match", partial(Match(vendor), graph))
        annotated = _timed(seconds, "annotate", partial(Annotate(vendor), graph, matched))
        decisions = [(vendor.name, annotated)]
        placed = _timed(seconds, "place", partial(Place(), graph, decisions))
        merged = _timed(seconds, "merge", partial(Merge(), graph, placed, partial(macs, graph)))
        blocks.append((graph, merged))
    outlined = _timed(seconds, "outline", partial(Outline(), module, blocks))
    seconds["all"] = sum(seconds.values())
    return {"seconds": seconds, "module": outlined.module, "segments": len(outlined.segments)}


def _timed(seconds: dict[str, Any], stage: str, work: Callable[[], Any]) -> Any:
    start = perf_counter()
    result = work()
    seconds[stage] = seconds.get(stage, 0.0) + perf_counter() - start
    return result


def tvm(module: IRModule, patterns: Sequence[tuple[str, Any]]) -> float:
    """Seconds of TVM's two passes with the same patterns."""
    start = perf_counter()
    fused = relax.transform.FuseOpsByPattern(patterns, annotate_codegen=False)(module)
    relax.transform.MergeCompositeFunctions()(fused)
    return perf_counter() - start


def beside(module: IRModule, vendor: Vendor, rows: Sequence[Row], runs: int) -> dict[str, Any]:
    """Byoc and TVM by turns; verify once."""
    patterns = [(row.name, to_dpl(row)) for row in rows]
    ours: list[Mapping[str, float]] = []
    theirs: list[float] = []
    made: dict[str, Any] = {}
    for _ in range(runs):
        made = byoc(module, vendor)
        ours.append(made["seconds"])
        theirs.append(tvm(module, patterns))
    start = perf_counter()
    Verify()(module, made["module"])
    verify = perf_counter() - start
    stages = {stage: round(median(each[stage] for each in ours), 4) for stage in ours[0]}
    ratio = median(theirs) / median(each["all"] for each in ours)
    return {
        "rows": len(rows),
        "byoc": stages,
        "verify": round(verify, 4),
        "tvm": round(median(theirs), 4),
        "ratio": round(ratio, 1),
        "segments": made["segments"],
    }


def bench_chain() -> dict[str, Any]:
    """4,000 ops, three patterns: at least 10 times faster than TVM."""
    rows = three_rows()
    return beside(chain(4000), Vendor("npu", rows=rows), rows, RUNS)


def bench_mixed() -> dict[str, Any]:
    """The same with every tenth op unsupported: 400 segments instead of one."""
    rows = three_rows()
    return beside(chain(4000, 10), Vendor("npu", rows=rows), rows, RUNS)


def bench_scale() -> dict[str, Any]:
    """100,000 ops: at most 15 times the time of 10,000."""
    small, large = (_child("one", str(ops)) for ops in (10_000, 100_000))
    return {"10000": small, "100000": large, "ratio": round(large["seconds"] / small["seconds"], 1)}


def one(ops: int) -> dict[str, Any]:
    """One size in this process: the median time and the peak memory."""
    module = chain(ops)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vendor = Vendor("npu", rows=three_rows())
    runs = [byoc(module, vendor)["seconds"] for _ in range(3)]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    best = sorted(runs, key=lambda each: each["all"])[1]
    stages = {stage: round(seconds, 3) for stage, seconds in best.items()}
    return {
        "seconds": best["all"],
        "stages": stages,
        "mib": after >> 10,
        "mib_before": before >> 10,
    }


def _child(*arguments: str) -> Any:
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def bench_patterns() -> dict[str, Any]:
    """200 patterns: at most twice the time of 3."""
    module = chain(4000)
    few, many = (Vendor("npu", rows=rows) for rows in (three_rows(), two_hundred_rows()))
    times: dict[int, list[float]] = {3: [], 200: []}
    for _ in range(RUNS):
        for vendor in (few, many):
            times[len(vendor.rows)].append(byoc(module, vendor)["seconds"]["all"])
    seconds = {str(count): round(median(each), 4) for count, each in times.items()}
    return {"seconds": seconds, "ratio": round(median(times[200]) / median(times[3]), 2)}


def bench_resnet50() -> dict[str, Any]:
    """ResNet-50 with the npu rows: at least 5 times faster than TVM with the same rows."""
    from byoc.pipeline import PartitionOptions, as_model
    from byoc.plugins import Plugins
    from byoc.vendor import VendorSession

    model = as_model("zoo:resnet50", PartitionOptions())
    with VendorSession(Plugins.discover(), "npu", {}, 60.0) as session:
        vendor = session.vendor
        single = [Row("npu", f"npu.{op}", (Op((op,)),)) for op in vendor.ops if _is_relax(op)]
        rows = [row for row in vendor.rows if len(row.outputs) == 1]
        return beside(model.module, vendor, [*rows, *single], 3)


def _is_relax(op: str) -> bool:
    return f"relax.{op}" in ir.Op.list_op_names()


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "chain": bench_chain,
    "mixed": bench_mixed,
    "scale": bench_scale,
    "patterns": bench_patterns,
    "resnet50": bench_resnet50,
}


def main(arguments: Sequence[str]) -> None:
    """Run the parts that are named, or all."""
    if arguments[:1] == ["one"]:
        print(json.dumps(one(int(arguments[1]))))
        return
    for part in arguments or PARTS:
        print(json.dumps({part: PARTS[part]()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
