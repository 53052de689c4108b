"""Offload: what is left of a module, after its vendors had theirs, to the host library and what stands in for it.

partition -> codegen -> what codegen failed on is refused, and again -> single nodes for onnx's own evaluator
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from tvm import IRModule, ir, relax
from tvm_ffi import structural_map

from byoc._version import __version__
from byoc.blob import Blob
from byoc.codegen.compiled import CompiledSegment
from byoc.errors import ModelError, UsageError
from byoc.host.border import held, is_callable
from byoc.host.library import NAME, HostLibrary
from byoc.manifest import Port, SegmentEntry
from byoc.partition.graph import is_outlined
from byoc.support.refusal import Refusal

if TYPE_CHECKING:
    from byoc.frontends.model import Model
    from byoc.host.contract import Codegen
    from byoc.pipeline import Partition
    from byoc.segment import Segment

EVALUATOR = "onnx"
"""The vendor of single nodes that onnx's reference evaluator runs."""


@dataclass(frozen=True, slots=True)
class Offloaded:
    """A module of which the host library has its part.

    `segments` are the library's, functions of `module` with `Codegen`. `evaluated` are entries of the host calls
    that are left, by the name that `module` calls, and `evaluated_blobs` their ONNX models. `version` is the
    library with its version, "tvm" for none.
    """

    module: IRModule
    segments: tuple[CompiledSegment, ...] = ()
    evaluated: tuple[SegmentEntry, ...] = ()
    evaluated_blobs: Mapping[str, Blob] = field(default_factory=dict)
    version: str = "tvm"
    notes: tuple[str, ...] = ()


def offload(
    model: Model, codegen: Codegen | None, library: Literal["onnxruntime", "tvm"]
) -> Offloaded:
    """Give the host library its part of `model`, whose module may call segments that were outlined before.

    With `library` "tvm" it gets only what TVM has nothing for: the ONNX nodes that import could not translate.
    """
    found = Offloaded(model.module)
    if codegen is not None and (library == NAME or model.host_nodes):
        found = _Offloading(model, codegen, library).run()
    return _evaluated(model, found)


class _Offloading:
    """The partition and its codegen, until nothing fails."""

    def __init__(self, model: Model, codegen: Codegen, library: str) -> None:
        self.model, self.codegen, self.everything = model, codegen, library == NAME
        self.notes: dict[str, None] = {}

    def run(self) -> Offloaded:
        from byoc.pipeline import partition_for
        from byoc.plugins import Plugins
        from byoc.vendor import VendorSession

        with VendorSession(Plugins.discover(), NAME) as session:
            version = session.spec.toolchain
            if not version and self.everything:
                raise UsageError(
                    f"the host library {NAME} is not installed; pip install 'byoc[{NAME}]', or let TVM compute the "
                    "host's part with --host tvm"
                )
            if not version:
                return Offloaded(self.model.module)
            rows = session.vendor.ops if self.everything else {}
            host = HostLibrary(self.model, rows, session.vendor.check if self.everything else None)
            while True:
                partition = partition_for(self.model, [host])
                segments = [replace(each, vendor=NAME) for each in partition.segments()]
                answers = self._compile(partition, segments)
                failed = [
                    (segment, answer)
                    for segment, answer in zip(segments, answers, strict=True)
                    if isinstance(answer, Refusal)
                ]
                if not failed:
                    break
                for segment, refusal in failed:
                    self._refuse(host, segment, refusal)
        compiled = [each for each in answers if isinstance(each, CompiledSegment)]
        return Offloaded(
            partition.module,
            tuple(replace(each, host=True) for each in compiled),
            version=f"{NAME} {version}" if self.everything else "tvm",
            notes=tuple(self.notes),
        )

    def _compile(
        self, partition: Partition, segments: Sequence[Segment]
    ) -> list[CompiledSegment | Refusal]:
        """Each segment's blob, or why there is none."""
        functions = {var.name_hint: each for var, each in partition.module.functions.items()}
        callable_ = [each for each in segments if is_callable(functions[each.symbol])]
        made = dict(
            zip((each.symbol for each in callable_), self.codegen.compile(callable_), strict=True)
        )
        words = "it takes or gives what is no tensor"
        return [made.get(each.symbol, Refusal("dynamic", words)) for each in segments]

    def _refuse(self, host: HostLibrary, segment: Segment, refusal: Refusal) -> None:
        """Have `host` leave the ops that codegen named, or find them by halves."""
        named = [each for each in segment.composites if set(refusal.nodes) & set(each.nodes)]
        if not named:
            host.refuse(frozenset(name for each in segment.composites for name in each.bindings))
        for each in named:
            host.refuse(frozenset(each.bindings))
        if len(named or segment.composites) == 1:
            (one,) = named or segment.composites
            nodes = ", ".join(map(repr, one.nodes))
            words = f"{NAME} could not compile node {nodes} for the host: {refusal.message}"
            self.notes[words] = None


def _evaluated(model: Model, found: Offloaded) -> Offloaded:
    """`found` with an entry for every host call that is left, which then calls the entry's name."""
    calls = _host_calls(model, found.module)
    taken = {var.name_hint for var in found.module.get_global_vars()}
    free = (name for number in count() if (name := f"{EVALUATOR}_{number}") not in taken)
    names = dict(zip(sorted(calls), free, strict=False))
    if not names:
        return found

    def renamed(function: Any) -> Any:
        symbol = str(function.global_symbol)
        return relax.ExternFunc(names[symbol]) if symbol in names else function

    functions = {
        var: structural_map(function, (relax.ExternFunc, renamed))
        if isinstance(function, relax.Function) and not is_outlined(function)
        else function
        for var, function in found.module.functions.items()
    }
    attrs, infos = found.module.attrs, found.module.global_infos
    return replace(
        found,
        module=IRModule(functions, attrs=attrs, global_infos=infos),
        evaluated=tuple(
            _evaluated_entry(model, name, calls[symbol]) for symbol, name in names.items()
        ),
        evaluated_blobs={name: Blob(model.host_nodes[symbol]) for symbol, name in names.items()},
    )


def _evaluated_entry(model: Model, name: str, call: Any) -> SegmentEntry:
    from onnx import __version__ as version

    symbol = str(call.args[0].global_symbol)
    serialised = model.host_nodes[symbol]
    groups = (each for groups in model.groups.values() for each in groups)
    nodes = tuple(each.node for each in groups if each.host == symbol)[:1]
    _hold_evaluated(serialised, (*nodes, symbol)[0])
    types = call.ty.fields if isinstance(call.ty, relax.TupleType) else [call.ty]
    return SegmentEntry(
        name=name,
        vendor=EVALUATOR,
        fingerprint=hashlib.sha256(serialised).hexdigest(),
        inputs=tuple(
            Port(f"input_{place}", *held(each.ty)) for place, each in enumerate(call.args[1:])
        ),
        outputs=tuple(Port(f"output_{place}", *held(each)) for place, each in enumerate(types)),
        parts={},
        host=True,
        plugin=f"byoc {__version__}",
        toolchain=version,
        convention="returns",
        nodes=nodes,
    )


def _host_calls(model: Model, module: IRModule) -> dict[str, Any]:
    """The calls of host nodes outside segments, by symbol."""
    found: dict[str, Any] = {}

    def visit(expr: Any) -> None:
        if isinstance(expr, ir.Call) and getattr(expr.op, "name", "") == "relax.call_pure_packed":
            symbol = str(getattr(expr.args[0], "global_symbol", ""))
            if symbol in model.host_nodes:
                found[symbol] = expr

    for function in module.functions.values():
        if isinstance(function, relax.Function) and not is_outlined(function):
            relax.analysis.post_order_visit(function, visit)
    return found


def _hold_evaluated(serialised: bytes, node: str) -> None:
    """Raise ModelError unless onnx's evaluator has all operators of the model."""
    from byoc.host.reference import Evaluator

    try:
        Evaluator(serialised)
    except Exception as error:
        raise ModelError(
            f"node {node!r} of the model has no kernel on the host, neither in {NAME} nor in onnx's reference "
            f"evaluator ({error}); only a vendor could run it"
        ) from error
