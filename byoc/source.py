"""Source: what a partition was cut from and how, as files beside it, so that it can be cut anew without the model.

    source.ir               the Relax module before partition, TVM's JSON; constant i is a stand-in
    source.json             where its bindings come from, its groups, the candidates of each block and their regions
    groups.safetensors      data that only groups have

The module is not a script here: a script cannot give every binding and dimension the name that it has.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import ir

from byoc.frontends.model import Model, SourceGroup
from byoc.partition._extent import candidate, members
from byoc.partition.graph import Graph, Kind, attach_groups, read_module
from byoc.partition.plan import BlockPlan, Refusal, Region

if TYPE_CHECKING:
    from tvm import IRModule

    from byoc.pipeline import Partition

MODULE, ABOUT, DATA = "source.ir", "source.json", "groups.safetensors"

Blocks = list[tuple[Graph, BlockPlan]]


@dataclass(slots=True)
class _Arrays:
    """The data of groups: that of a constant of the module by its number, the rest in the order of writing."""

    known: Mapping[bytes, int]
    written: list[Any]

    def place(self, array: Any) -> dict[str, int]:
        known = self.known.get(content(array))
        if known is not None:
            return {"constant": known}
        self.written.append(array)
        return {"data": len(self.written) - 1}


def content(array: Any) -> bytes:
    """What tells one array from another."""
    digest = hashlib.sha256(f"{array.dtype.name} {array.shape} ".encode())
    digest.update(_bytes(array))
    return digest.digest()


def write_source(
    partition: Partition,
    folder: Path,
    skeleton: IRModule,
    constants: Sequence[int],
    known: Mapping[bytes, int],
) -> list[str]:
    """Write the files; `skeleton` is the model's module without its constants.

    `constants` are the numbers of these among the folder's, and `known` numbers the folder's by content. Returns
    the names of the files.
    """
    from safetensors.numpy import save_file

    arrays = _Arrays(known, [])
    model = partition.model
    about = {
        "name": model.name,
        "notes": list(model.notes),
        "constants": list(constants),
        "origins": {name: dict(table) for name, table in model.origins.items()},
        "groups": {
            name: [_group(each, arrays) for each in groups] for name, groups in model.groups.items()
        },
        "blocks": [_block(graph, plan) for graph, plan in partition.blocks],
    }
    (folder / MODULE).write_text(ir.save_json(skeleton), "utf-8")
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    types = [[each.dtype.name, list(each.shape)] for each in arrays.written]
    held = {str(index): _bytes(each) for index, each in enumerate(arrays.written)}
    save_file(held, folder / DATA, metadata={"types": json.dumps(types)})
    return [MODULE, ABOUT, DATA]


def read_source(folder: Path, constants: Sequence[Any]) -> tuple[Model, Blocks]:
    """The model and how it was cut; `constants` are the folder's."""
    from byoc.partition._plain import array as data_of
    from byoc.partition.constants import put_back

    about = json.loads((folder / ABOUT).read_text("utf-8"))
    skeleton = ir.load_json((folder / MODULE).read_text("utf-8"))
    data = _read_data(folder / DATA)

    def array(place: Mapping[str, int]) -> Any:
        return data_of(constants[place["constant"]]) if "constant" in place else data[place["data"]]

    model = Model(
        name=about["name"],
        module=put_back(skeleton, [constants[index] for index in about["constants"]]),
        origins={
            function: {name: tuple(nodes) for name, nodes in table.items()}
            for function, table in about["origins"].items()
        },
        groups={
            function: tuple(_read_group(each, array) for each in groups)
            for function, groups in about["groups"].items()
        },
        notes=tuple(about["notes"]),
    )
    return model, _read_blocks(about["blocks"], model)


def with_host_nodes(
    source: tuple[Model, Blocks], nodes: Mapping[str, bytes]
) -> tuple[Model, Blocks]:
    """The same with the ONNX models behind host calls."""
    model, blocks = source
    for graph, _ in blocks:
        graph.host_nodes = nodes
    return replace(model, host_nodes=nodes), blocks


def _group(group: SourceGroup, arrays: _Arrays) -> dict[str, Any]:
    def given(each: Any) -> Any:
        if isinstance(each, np.ndarray | np.generic):
            return arrays.place(np.asarray(each))
        return [given(part) for part in each] if isinstance(each, tuple) else each

    stated = {each: getattr(group, each) for each in ("op", "node", "host", "reason", "opset")}
    return {
        **stated,
        "bindings": list(group.bindings),
        "inputs": {name: given(each) for name, each in group.inputs.items()},
        "outputs": list(group.outputs),
        "attrs": dict(group.attrs),
    }


def _read_group(stored: Mapping[str, Any], array: Any) -> SourceGroup:
    def given(each: Any) -> Any:
        if isinstance(each, dict):
            return array(each)
        if isinstance(each, list):
            return tuple(given(part) for part in each)
        return each

    return SourceGroup(
        **{each: stored[each] for each in ("op", "node", "host", "reason", "opset")},
        bindings=tuple(stored["bindings"]),
        inputs={name: given(each) for name, each in stored["inputs"].items()},
        outputs=tuple(stored["outputs"]),
        attrs={name: _tuples(each) for name, each in stored["attrs"].items()},
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _block(graph: Graph, plan: BlockPlan) -> dict[str, Any]:
    def named(nodes: Sequence[int]) -> list[str]:
        return [graph.names[node] for node in nodes if graph.names[node]]

    return {
        "function": graph.function,
        "block": list(graph.block),
        "candidates": [
            [each.vendor, each.name, named(each.nodes), each.joined, each.row]
            for each in plan.candidates
        ],
        "regions": [[each.vendor, list(each.candidates)] for each in plan.regions],
        "refusals": {
            graph.names[node]: [asdict(each) for each in stated]
            for node, stated in plan.refusals.items()
            if graph.names[node]
        },
        "notes": list(plan.notes),
    }


def _read_blocks(stored: Sequence[Mapping[str, Any]], model: Model) -> Blocks:
    """The blocks of the model's module, each with its plan; in the order of reading, as they were written."""
    blocks: Blocks = []
    for graph, each in zip(read_module(model.module), stored, strict=True):
        graph.origins = model.origins.get(graph.function, {})
        attach_groups(graph, model.groups)
        ids = {
            name: node
            for node, name in enumerate(graph.names)
            if name and graph.kinds[node] is not Kind.INPUT
        }

        def nodes(written: Sequence[str], ids: Any = ids) -> list[int]:
            return [ids[name] for name in written]

        candidates = tuple(
            candidate(graph, vendor, name, members(graph, nodes(held)), joined=joined, row=row)
            for vendor, name, held, joined, row in each["candidates"]
        )
        regions = tuple(Region(vendor, tuple(held)) for vendor, held in each["regions"])
        refusals = {
            nodes([name])[0]: tuple(_refusal(one) for one in told)
            for name, told in each["refusals"].items()
        }
        blocks.append((graph, BlockPlan(candidates, regions, refusals, tuple(each["notes"]))))
    return blocks


def _refusal(stored: Mapping[str, Any]) -> Refusal:
    return Refusal(**{**stored, "nodes": tuple(stored["nodes"])})


def _bytes(array: Any) -> Any:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _read_data(path: Path) -> list[Any]:
    from ml_dtypes import finfo  # noqa: F401  # numpy knows bfloat16 and its kin by name from here on
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        types = json.loads(file.metadata()["types"])
        return [
            file.get_tensor(str(index)).view(np.dtype(dtype)).reshape(shape)
            for index, (dtype, shape) in enumerate(types)
        ]
