"""The finished model: nodes in an order in which they run, final names, versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import onnx
from onnx import helper, numpy_helper

from byoc._version import __version__
from byoc.codegen.export._rename import rename
from byoc.codegen.export._weights import Array, Weights, goes_outside
from byoc.codegen.export._writer import Writer
from byoc.frontends.onnx.host import reads

if TYPE_CHECKING:
    from byoc.region import Region


def finish(
    region: Region,
    writer: Writer,
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    hints: Sequence[onnx.ValueInfoProto],
    names: Mapping[str, str],
    outside: Weights | None = None,
) -> onnx.ModelProto:
    """Assemble the model; `names` has the final names of values, `hints` the types that the region asserts.

    Large constants go to `outside` when there is one.
    """
    rename(writer.nodes, names)
    nodes = _sorted(_live(writer.nodes, {each.name for each in outputs}))
    domains = {"": writer.opset, **writer.domains}
    imports = [helper.make_opsetid(domain, version) for domain, version in sorted(domains.items())]
    model = onnx.ModelProto(
        ir_version=helper.find_min_ir_version_for(imports, ignore_unknown=True),
        producer_name="byoc",
        producer_version=__version__,
        opset_import=imports,
    )
    graph = model.graph
    graph.name = region.name or region.vendor or "region"
    graph.node.extend(nodes)
    used = set(reads(nodes)) | {each.name for each in outputs}
    scales = set(_scales(nodes))
    for name, array in writer.constants.items():
        if name not in used:
            continue
        tensor = graph.initializer.add()
        if outside is not None and goes_outside(array):
            outside.add(tensor, name, array, is_scale=name in scales)
        else:
            _write_constant(tensor, name, array)
    graph.input.extend(inputs)
    graph.output.extend(outputs)
    bordering = {each.name for each in [*inputs, *outputs, *graph.initializer]}
    made = {name for node in nodes for name in node.output}
    for each in hints:
        ranked = each.type.tensor_type.HasField("shape")  # the checker takes no others
        if ranked and each.name in made and each.name not in bordering:
            bordering.add(each.name)
            graph.value_info.append(each)
    model.functions.extend(writer.functions.values())
    return model


def _write_constant(tensor: onnx.TensorProto, name: str, array: Array) -> None:
    """Fill an initializer in place: large weights are copied once."""
    if array.dtype.kind not in "fiub":  # text, and numbers that ONNX packs
        tensor.CopyFrom(numpy_helper.from_array(array, name))
        return
    tensor.name = name
    tensor.dims.extend(array.shape)
    tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor.raw_data = array.tobytes()


def _scales(nodes: Sequence[onnx.NodeProto]) -> Iterator[str]:
    """The values that are scales and zero points of quantisation."""
    for node in nodes:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            yield from node.input[1:]


def _live(nodes: Sequence[onnx.NodeProto], wanted: set[str]) -> list[onnx.NodeProto]:
    """The nodes that the outputs need: an ONNX node that took the place of several calls reads less than they."""
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    needed: set[int] = set()
    waiting = sorted(makers[name] for name in wanted if name in makers)
    while waiting:
        index = waiting.pop()
        if index not in needed:
            needed.add(index)
            waiting += [makers[name] for name in reads([nodes[index]]) if name in makers]
    return [node for index, node in enumerate(nodes) if index in needed]


def _sorted(nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """`nodes` as they stand, or sorted when one reads what a later one makes."""
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    before = [sorted({makers[name] for name in reads([node]) if name in makers}) for node in nodes]
    if all(index > each for index, sources in enumerate(before) for each in sources):
        return list(nodes)
    order = TopologicalSorter(dict(enumerate(before))).static_order()
    return [nodes[index] for index in order]
