"""Vendors of real support tables, gentle or not, as the pipeline is given them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

from byoc.isolation import Failure, Worker
from byoc.partition.graph import Graph
from byoc.partition.patterns.ast import Row
from byoc.partition.patterns.rows import table_rows
from byoc.partition.plan import Candidate
from byoc.partition.vendor import Limits, Vendor
from byoc.region import Region, region
from byoc.support import BoundTable, Refusal, load_table

Temper = Literal["plain", "picky", "faulty"]
"""How a vendor's own code behaves: it has none, refuses some regions, raises about some."""

TABLES = {
    # Patterns of several outputs, of overlapping ops and of tuples; ops that go only with others.
    "alpha": """
vendor: alpha
version: 1
defaults: {dtypes: [float32], rank: {max: 3}}
ops:
  nn.relu: {}
  add:
    qdq: true
    dtypes: [float32, int8]
  multiply: {use: fused}
  tanh: {use: joined}
  sigmoid: {use: fused}
  split: {}
  concat: {inputs: {tensors: {each: {shape: ["*", "2?"]}}}}
  matmul: {inputs: {x2: {constant: true}}}
  nn.batch_norm: {attrs: {axis: 1}}
  reshape: {inputs: {x: {shape: ["?", "*"]}}}
  onnx.Hardmax: {attrs: {axis: -1}}
  onnx.HardSwish: {}
patterns:
  relu_and_tanh:
    match: |
      a = nn.relu(x)
      tanh(a), a
  dense: {match: "nn.relu?(add(matmul(x, w:const), b:const))"}
  sum_relu: {match: "nn.relu(add(x, y))"}
  gate:
    match: |
      s = split(x){indices_or_sections=2}
      multiply(s[0], sigmoid(s[1]))
  normalised: {match: "nn.relu(nn.batch_norm(x, ...)[0])"}
""",
    # Results that only share an input, rules that cannot be computed, unknown dimensions.
    "beta": """
vendor: beta
version: 1
hardware: {lanes: 4}
defaults: {dtypes: [float32]}
ops:
  tanh: {inputs: {x: {shape: ["?", 4]}}}
  negative: {}
  add: {when: ["x1.shape[7] == 4"]}
  multiply: {when: ["1 / (x1.shape[0] - 4) > 0"]}
  subtract: {inputs: {x1: {shape: ["?", "%2"]}, x2: {shape: ["...", =hw.lanes]}}}
  maximum: {use: joined}
  nn.relu: {qdq: true, dtypes: [int8, float32]}
  split: {use: joined}
  topk: {dtypes: ["(float32) -> (float32, int32)"], attrs: {k: 4}}
  astype: {dtypes: ["(int32) -> float32"]}
  onnx.Split: {}
patterns:
  fork: {match: "tanh(x), sigmoid(x)"}
  chain: {match: "tanh(nn.relu(x))", priority: 3}
  pair:
    match: |
      a = add(x, y)
      nn.relu(a), multiply(a, z)
  swap:
    match: |
      s = split(x)
      concat((s[1], s[0]))
  places:
    match: |
      t = topk(x)
      add(t[0], astype(t[1]))
  inside: {match: "maximum(negative(x), y) | add(negative(x), y:const)", use: joined}
""",
    # Nearly everything, quantised too, but only so much of it at a time.
    "gamma": """
vendor: gamma
version: 1
defaults: {dtypes: [float32, int8, int32], qdq: true}
ops:
  add: {inputs: {x1: {shape: ["...", "?"]}}}
  multiply: {}
  subtract: {}
  maximum: {}
  divide: {}
  clip: {}
  nn.relu: {}
  tanh: {}
  sigmoid: {}
  negative: {}
  nn.softmax: {}
  nn.batch_norm: {qdq: false}
  matmul: {}
  split: {}
  concat: {}
  reshape: {}
  topk: {}
  astype: {}
  quantize: {use: joined}
  dequantize: {use: joined}
  call_pure_packed: {}
  onnx.HardSwish: {}
patterns:
  sums: {match: "add(add(x, y), z)"}
  halves:
    match: |
      s = split(x)
      s[0], s[1]
""",
}

LIMITS = {
    "": "",
    "few": "segments: {max: 1}\n",
    "short": "segments: {max_ops: 2}\n",
    "small": "segments: {max: 3, max_ops: 4, max_constant_bytes: 24}\n",
}


@cache
def table(name: str, limits: str) -> BoundTable:
    """A table with the limits called so."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(TABLES[name] + LIMITS[limits])
        return load_table(path).bind()


def fault(regions: list[Region]) -> list[Refusal | None]:
    """In a worker: raise about some regions, answer with nonsense about others."""
    marks = [_mark(each) for each in regions]
    if 1 in marks:
        raise RuntimeError("the toolchain lost its licence")
    return [None if mark != 2 else Refusal("check", "no") for mark in marks] + [None] * (3 in marks)


def _mark(given: Region) -> int:
    return crc32(" ".join(op.name for op in given.ops).encode()) % 6


@cache
def worker() -> Worker[Region]:
    """The worker of all faulty vendors; it ends with the process."""
    return Worker(fault, timeout=60.0)


@dataclass
class TableVendor:
    """A vendor of `TABLES`, as `byoc.pipeline.Session` wants it."""

    name: str
    limits: str = ""
    temper: Temper = "plain"
    notes: Sequence[str] = ()
    public_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def vendor(self) -> Vendor:
        bound = table(self.name, self.limits)
        rows, asked = table_rows(bound, self.name), self.temper != "plain"
        if asked:
            rows = tuple(
                replace(row, check=_picks) if place % 2 else row for place, row in enumerate(rows)
            )
        given = bound.limits
        limits = Limits(given.max_ops, given.max_constant_bytes, given.max_segments)
        check, check_row = (self._check, self._check_row) if asked else (None, None)
        return Vendor(self.name, bound.ops, rows, limits, check, check_row)

    def judge(self, regions: Sequence[Region]) -> list[Refusal | None]:
        """Refuse some regions of each number of ops, or let the worker fail over them."""
        if self.temper == "picky":
            refusal = Refusal("check", f"{self.name} does not like the look of it")
            return [refusal if _mark(each) == 0 else None for each in regions]
        return [
            Refusal("check", f"byoc_check {given.words}", vendor=self.name)
            if isinstance(given, Failure)
            else given
            for given in worker().ask(regions)
        ]

    def _check(self, graph: Graph, candidates: Sequence[Candidate]) -> list[Refusal | None]:
        return self.judge([region(graph, each) for each in candidates])

    def _check_row(
        self, row: Row, graph: Graph, candidates: Sequence[Candidate]
    ) -> list[Refusal | None]:
        assert row.check is not None
        regions = [region(graph, each) for each in candidates]
        return [
            None if row.check(each) else Refusal("check", "its row says no") for each in regions
        ]


def _picks(given: Region) -> bool:
    return _mark(given) != 4
