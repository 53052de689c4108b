"""A process that tries QNN: `python -m tests.vendors.qnn_trial SOC FORM`, JSON of every case on the last line.

It is a process of its own for each chip, because QNN keeps options from one compilation to the next. Cases of one
opset are parts of one model, which is a hundred times faster than a model each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
import onnx
from onnx import compose

import byoc
from byoc.spec import option_values
from byoc.vendors import qnn
from byoc.vendors.qnn.compile import compile_model, compiled
from byoc.vendors.qnn.executor import ContextExecutor
from tests.vendors.qnn_cases import CASES, FAULTS
from tests.vendors.qnn_forms import Case, Model, forms_of, model_of


class Trial:
    """Cases of one opset in one form, for one chip. `found` is what became of each."""

    def __init__(self, soc: str, models: dict[str, Model]) -> None:
        self.soc, self.models = soc, models
        self.prefixes = {name: f"c{index}_" for index, name in enumerate(models)}
        self.found: dict[str, Any] = {}
        spec = qnn.byoc_vendor_spec(options={"soc": soc})
        self.spec, self.values = spec, option_values(spec, {"soc": soc})

    def run(self) -> None:
        """Leave out what the table refuses, and try the rest together."""
        plan = self.partition(list(self.models)).plan
        for op in plan.ops:
            if not op.segment:
                name = next(
                    name for name, each in self.prefixes.items() if op.nodes[0].startswith(each)
                )
                self.found[name] = {"host": [*self.found.get(name, {}).get("host", []), op.op]}
        self.halve([name for name in self.models if name not in self.found])

    def halve(self, names: list[str]) -> None:
        """Try `names` together, and in halves where that fails."""
        if not names:
            return
        failure = self.attempt(names)
        if failure and len(names) == 1:
            self.found[names[0]] = {"failed": failure}
        elif failure:
            half = len(names) // 2
            self.halve(names[:half])
            self.halve(names[half:])

    def attempt(self, names: list[str]) -> str:
        """Compile and run `names` as one segment; why that failed, or ""."""
        (segment,) = self.partition(names).segments()
        try:
            blob = compiled(segment, self.spec, self.values)
        except Exception as error:  # QNN raises whatever onnxruntime makes of it
            return str(error)
        if isinstance(blob, byoc.Refusal):
            return blob.message
        feeds = {
            self.prefixes[name] + key: array
            for name in names
            for key, array in self.models[name].feeds.items()
        }
        ports = segment.signature
        outputs = {each.name: np.zeros(each.shape, each.dtype) for each in ports.outputs}
        call(blob.payload, [feeds[each.name] for each in ports.inputs], list(outputs.values()))
        for name in names:
            ends = [each.name for each in self.models[name].proto.graph.output]
            results = [outputs[self.prefixes[name] + each] for each in ends]
            self.found[name] = {"snr": self.models[name].snr(results)}
        return ""

    def partition(self, names: list[str]) -> Any:
        asked = byoc.PartitionOptions(vendor_options={"qnn": {"soc": self.soc}}, verify=False)
        whole = onnx.ModelProto()
        whole.CopyFrom(self.models[names[0]].proto)
        whole.ClearField("graph")
        whole.graph.name = "cases"
        for name in names:
            part = compose.add_prefix(self.models[name].proto, self.prefixes[name]).graph
            whole.graph.MergeFrom(part)
        whole.graph.name = "cases"
        return byoc.partition_model(whole, ["qnn"], asked)


def trials(soc: str, form: str) -> Iterator[Trial]:
    """The cases that have this form, by opset."""
    names = [name for name, case in CASES.items() if form in forms_of(case)]
    for _, group in groupby(sorted(names, key=opset_of), opset_of):
        yield Trial(soc, {name: model_of(CASES[name], form) for name in group})


def main(soc: str, form: str) -> None:
    found: dict[str, Any] = {}
    for trial in trials(soc, form):
        trial.run()
        found |= trial.found
    faults = {name: bare(case, form) for (where, name), case in FAULTS.items() if where == form}
    print("\n" + json.dumps({"cases": found, "faults": faults}))


def opset_of(name: str) -> int:
    return CASES[name].opset


def bare(case: Case, form: str) -> float:
    """How right a case is that the table never sees (dB)."""
    model = model_of(case, form)
    options = {"soc": "generic", "optimization": 0, "vtcm_mb": 0}
    payload = compile_model(model.proto.SerializeToString(), options)
    outputs = [np.zeros_like(each) for each in model.expected]
    call(payload, list(model.feeds.values()), outputs)
    return model.snr(outputs)


def call(payload: bytes, inputs: list[Any], outputs: list[Any]) -> None:
    executor = ContextExecutor(payload, "default")
    executor(inputs, outputs)
    executor.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
