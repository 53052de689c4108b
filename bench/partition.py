"""How fast byoc partitions, beside TVM's FuseOpsByPattern and MergeCompositeFunctions.

Times are medians of several runs, byoc and TVM by turns in one process: seconds of processor time, which other
work on the machine disturbs less than the clock. Peak memory is that of a fresh process. byoc's time is reading +
match + annotate + place + merge + outline; verify is apart.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from tvm import IRModule, ir, relax

from bench.dpl import to_dpl
from byoc.collector import collector_paused
from byoc.partition.annotate import Annotate
from byoc.partition.graph import Graph, read_module
from byoc.partition.macs import macs
from byoc.partition.match import Match
from byoc.partition.merge import Merge
from byoc.partition.outline import Outline
from byoc.partition.patterns.ast import Op, Row
from byoc.partition.patterns.text import parse
from byoc.partition.place import Place
from byoc.partition.plan import Decision
from byoc.partition.vendor import Vendor
from byoc.partition.verify import Verify
from byoc.pipeline import PartitionOptions, as_model

THREE = (
    "nn.relu(add(nn.conv2d(x, w:const), b:const))",
    "add(nn.conv2d(x, w:const), b:const)",
    "nn.conv2d(x, w:const)",
)
RUNS = 5
ROOT = Path(__file__).parent.parent


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


def byoc(module: IRModule, vendor: Vendor, prepared: Match | None = None) -> dict[str, Any]:
    """Seconds of each stage, and the outlined module; the collector is paused, as when users partition."""
    with collector_paused():
        return _stages(module, vendor, prepared)


def _stages(module: IRModule, vendor: Vendor, prepared: Match | None) -> dict[str, Any]:
    seconds: dict[str, Any] = {}
    graphs = _timed(seconds, "read", partial(read_module, module))
    blocks = []
    for graph in graphs:
        matched = _timed(seconds, "match", partial(_match, vendor, prepared, graph))
        annotated = _timed(seconds, "annotate", partial(Annotate(vendor), graph, matched))
        decisions = [(vendor.name, annotated)]
        placed = _timed(seconds, "place", partial(Place(), graph, decisions))
        merged = _timed(seconds, "merge", partial(Merge(), graph, placed, partial(macs, graph)))
        blocks.append((graph, merged))
    outlined = _timed(seconds, "outline", partial(Outline(), module, blocks))
    seconds["all"] = sum(seconds.values())
    return {"seconds": seconds, "module": outlined.module, "segments": len(outlined.segments)}


def _match(vendor: Vendor, prepared: Match | None, graph: Graph) -> Decision:
    """Match, the preparation of the vendor's rows included unless it was done before."""
    return (prepared or Match(vendor))(graph)


def _timed(seconds: dict[str, Any], stage: str, work: Callable[[], Any]) -> Any:
    start = process_time()
    result = work()
    seconds[stage] = seconds.get(stage, 0.0) + process_time() - start
    return result


def tvm(module: IRModule, patterns: Sequence[tuple[str, Any]]) -> float:
    """Seconds of TVM's two passes with the same patterns."""
    start = process_time()
    fused = relax.transform.FuseOpsByPattern(patterns, annotate_codegen=False)(module)
    relax.transform.MergeCompositeFunctions()(fused)
    return process_time() - start


def beside(module: IRModule, vendor: Vendor, rows: Sequence[Row], runs: int) -> dict[str, Any]:
    """Byoc and TVM by turns, the patterns of both made before; verify once."""
    patterns = [(row.name, to_dpl(row)) for row in rows]
    prepared = Match(vendor)
    ours: list[Mapping[str, float]] = []
    theirs: list[float] = []
    made: dict[str, Any] = {}
    for _ in range(runs):
        made = byoc(module, vendor, prepared)
        ours.append(made["seconds"])
        theirs.append(tvm(module, patterns))
    start = process_time()
    Verify()(module, made["module"])
    verify = process_time() - start
    stages = {stage: median(each[stage] for each in ours) for stage in ours[0]}
    return {
        "rows": len(rows),
        "segments": made["segments"],
        "stages": {stage: round(seconds, 4) for stage, seconds in stages.items()},
        "byoc": round(stages["all"], 4),
        "tvm": round(median(theirs), 4),
        "ratio": round(median(theirs) / stages["all"], 1),
        "verify": round(verify, 4),
    }


def chain_of_4000() -> dict[str, Any]:
    """4,000 ops, three patterns."""
    rows = three_rows()
    return beside(chain(4000), Vendor("npu", rows=rows), rows, RUNS)


def mixed() -> dict[str, Any]:
    """The same with every tenth op unsupported: 400 segments."""
    rows = three_rows()
    return beside(chain(4000, 10), Vendor("npu", rows=rows), rows, 3)


def alternating() -> dict[str, Any]:
    """Every second op unsupported: 2,000 segments."""
    rows = (*three_rows(), Row("npu", "npu.add", parse("add(x, y)")))
    return beside(chain(4000, 2), Vendor("npu", rows=rows), rows, 1)


def scale() -> dict[str, Any]:
    """100,000 ops beside 10,000: the time of the larger, and how many times that of the smaller it is."""
    small, large = (_child(str(ops)) for ops in (10_000, 100_000))
    return {
        "stages": large["stages"],
        "byoc": round(large["seconds"], 3),
        "small": round(small["seconds"], 3),
        "ratio": round(large["seconds"] / small["seconds"], 1),
        "mib": large["mib"],
        "mib_before": large["mib_before"],
    }


def one(ops: int) -> dict[str, Any]:
    """One size in this process: the median time and the peak memory."""
    module = chain(ops)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vendor = Vendor("npu", rows=three_rows())
    runs = [byoc(module, vendor)["seconds"] for _ in range(3)]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    middle = sorted(runs, key=lambda each: each["all"])[1]
    stages = {stage: round(seconds, 3) for stage, seconds in middle.items()}
    return {
        "seconds": middle["all"],
        "stages": stages,
        "mib": after >> 10,
        "mib_before": before >> 10,
    }


def _child(ops: str) -> Any:
    command = [sys.executable, "-m", "bench.partition", ops]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(done.stdout)


def patterns() -> dict[str, Any]:
    """200 patterns beside 3: the time with the many, and how many times that with the few it is."""
    module = chain(4000)
    few, many = (Vendor("npu", rows=rows) for rows in (three_rows(), two_hundred_rows()))
    times: dict[int, list[float]] = {3: [], 200: []}
    for _ in range(RUNS):
        for vendor in (few, many):
            times[len(vendor.rows)].append(byoc(module, vendor)["seconds"]["all"])
    small, large = median(times[3]), median(times[200])
    return {"byoc": round(large, 4), "small": round(small, 4), "ratio": round(large / small, 2)}


def resnet50() -> dict[str, Any]:
    """ResNet-50 with the npu rows."""
    from byoc.plugins import Plugins
    from byoc.vendor import VendorSession

    model = as_model("zoo:resnet50", PartitionOptions())
    with VendorSession(Plugins.discover(), "npu", {}, 60.0) as session:
        vendor = session.vendor
        single = [Row("npu", f"npu.{op}", (Op((op,)),)) for op in vendor.ops if _is_relax(op)]
        rows = [row for row in vendor.rows if len(row.outputs) == 1]
        return beside(model.module, vendor, [*rows, *single], RUNS)


def _is_relax(op: str) -> bool:
    return f"relax.{op}" in ir.Op.list_op_names()


if __name__ == "__main__":
    print(json.dumps(one(int(sys.argv[1]))))
