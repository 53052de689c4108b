"""Build: the host's part of a partition as a Relax VM executable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tvm import IRModule, relax

from byoc.host.border import arranged, ports
from byoc.host.compile import compile_module, target_of
from byoc.host.contract import Codegen, HostBuild, HostOptions
from byoc.host.lower import Convention, host_name, lower
from byoc.host.offload import offload
from byoc.manifest import Port, SegmentEntry
from byoc.partition import _relax

if TYPE_CHECKING:
    from byoc.codegen.compiled import CompiledSegment
    from byoc.frontends.model import Model
    from byoc.pipeline import Partition


def build(
    partition: Partition,
    compiled: Sequence[CompiledSegment],
    codegen: Codegen | None,
    options: HostOptions,
) -> HostBuild:
    """Compile everything of `partition` that is no segment; see `byoc.host.build_host`."""
    target = target_of(options.target)
    model = _with_host_versions(partition, compiled) if options.fallback else _rest(partition)
    library = offload(model, codegen, options.library)
    fallbacks = [each.segment.symbol for each in compiled] if options.fallback else []
    lowered = lower(library.module, fallbacks)
    entries = [
        _entry(each, library.module[each.segment.symbol], lowered.conventions, fallbacks)
        for each in (*compiled, *library.segments)
    ]
    blobs = {each.segment.symbol: each.blob for each in (*compiled, *library.segments)}
    inputs, outputs = ports(partition.model.module["main"])
    inputs = _named(inputs, partition.model.inputs)
    outputs = _named(outputs, partition.model.outputs)
    return HostBuild(
        executable=compile_module(lowered.module, target),
        inputs=inputs,
        outputs=outputs,
        segments=(*entries, *library.evaluated),
        blobs={**blobs, **library.evaluated_blobs},
        library=library.version,
        target=str(target),
        notes=library.notes,
    )


def _rest(partition: Partition) -> Model:
    """The model with its partitioned module."""
    return replace(partition.model, module=partition.module)


def _with_host_versions(partition: Partition, compiled: Sequence[CompiledSegment]) -> Model:
    """The model with its partitioned module, and each segment's host version as a function beside it."""
    model, module = partition.model, partition.module
    functions = dict(module.functions.items())
    origins, groups = dict(model.origins), dict(model.groups)
    for each in compiled:
        segment = each.segment
        name = host_name(segment.symbol)
        function = relax.utils.copy_with_new_vars(segment.function).without_attr("global_symbol")
        functions[_relax.global_variable(name, function.ty)] = function
        origins[name], groups[name] = segment.origins, segment.groups
    whole = IRModule(functions, attrs=module.attrs, global_infos=module.global_infos)
    return replace(model, module=whole, origins=origins, groups=groups)


def _named(given: tuple[Port, ...], names: tuple[str, ...]) -> tuple[Port, ...]:
    """`given` under the model's own names, which Relax may not have been able to keep."""
    if len(names) != len(given):
        return given
    return tuple(replace(port, name=name) for port, name in zip(given, names, strict=True))


def _entry(
    compiled: CompiledSegment,
    function: Any,
    conventions: Mapping[str, Convention],
    fallbacks: Sequence[str],
) -> SegmentEntry:
    segment, blob, maker = compiled.segment, compiled.blob, compiled.maker
    inputs, outputs = ports(function)
    return SegmentEntry(
        name=segment.symbol,
        vendor=segment.vendor,
        fingerprint=segment.fingerprint,
        inputs=arranged(inputs, blob),
        outputs=arranged(outputs, blob),
        parts={},
        host=compiled.host,
        plugin=maker.plugin,
        toolchain=maker.toolchain,
        table=maker.table,
        hardware=maker.hardware,
        options=maker.options,
        compat=blob.compat,
        report=blob.report,
        convention=conventions.get(segment.symbol, "dps"),
        fallback=segment.symbol in fallbacks,
        nodes=tuple(dict.fromkeys(node for each in segment.composites for node in each.nodes)),
    )
