"""The hooks of a vendor plugin: specifications, nothing else.

A plugin is a module (or object) named by an entry point of the group `byoc.vendors`; the entry point's name is the
vendor's name. A hook takes any subset of the arguments listed here, by name. Hooks get what they need as arguments
and return values; they print nothing on standard output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from byoc.blob import Blob
    from byoc.cost import CostRecord
    from byoc.manifest import SegmentEntry
    from byoc.partition.patterns.ast import Row
    from byoc.region import Region
    from byoc.runtime.executor import Executor
    from byoc.segment import Segment
    from byoc.spec import VendorSpec
    from byoc.support.refusal import Refusal
    from byoc.verdict import Verdict

hookspec = pluggy.HookspecMarker("byoc")
hookimpl = pluggy.HookimplMarker("byoc")


@hookspec(firstresult=True)
def byoc_vendor_spec(vendor: str, options: Mapping[str, str]) -> VendorSpec | None:
    """Describe the vendor `vendor`: its support table, hardware and options.

    Called once for each vendor of a command, in byoc's own process, on that vendor's plugin alone. `options` has
    the texts of `--vendor-option` as given (empty when the spec is only looked at), so that they can choose the
    chip. None means that this plugin describes no such vendor, which is an error for its own name.
    """


@hookspec
def byoc_pattern_table(
    vendor: str, spec: VendorSpec, options: Mapping[str, Any]
) -> Sequence[Row | tuple[Any, ...]] | None:
    """Give pattern rows for `vendor`, beyond those of its support table.

    Called on every plugin once for each vendor of a command; all rows are concatenated, the support table's first.
    A row is a `byoc.patterns` row, or what TVM's `register_patterns` takes: a tuple (name, pattern[, annotations[,
    check]]) or a FusionPattern. `spec` is what byoc_vendor_spec gave, `options` are the vendor's options, typed and
    with defaults. None means no rows.
    """


@hookspec
def byoc_check(
    vendor: str, regions: Sequence[Region], spec: VendorSpec, options: Mapping[str, Any]
) -> Sequence[Refusal | None] | None:
    """Judge what `vendor` is about to be given: one answer for each of `regions`, in order, None to accept.

    Called on the vendor's own plugin and on those that gave rows for it, in batches, in a worker process: first
    with candidates (composites and single ops) as they are matched, later with merged segments. Any refusal by any
    plugin refuses. An exception, a crash or a hang of the worker refuses the regions that cause it. None instead of
    a sequence means no opinion at all. `spec` and `options` are as in byoc_pattern_table.
    """


@hookspec(firstresult=True)
def byoc_estimate(
    vendor: str, regions: Sequence[Region], spec: VendorSpec, options: Mapping[str, Any]
) -> Sequence[CostRecord | None] | None:
    """Say what each of `regions` would cost on `vendor`'s device: one answer each, in order, None for no idea.

    Called in batches, in a worker process, on the vendor's own plugin first, where somebody asks for estimates
    (`byoc partition --estimate`). An exception, a crash or a hang leaves the regions that cause it without one.
    `spec` and `options` are as in byoc_pattern_table. None instead of a sequence means no opinion at all.
    """


@hookspec(firstresult=True)
def byoc_codegen(
    vendor: str, segment: Segment, spec: VendorSpec, options: Mapping[str, Any]
) -> Blob | Refusal | None:
    """Compile one segment: the Blob that the vendor's driver will run.

    Called in a worker process of its own for each `segment` that goes to `vendor`, with the vendor's own plugin
    first; `spec` and `options` are as in byoc_pattern_table. A Refusal says that the toolchain cannot, and why;
    one that names nodes (`Refusal.nodes`) spares byoc the search for the ops to take away. An exception, a crash,
    a hang or an answer that is no Blob refuses as well (`codegen-failed`). None means that this plugin compiles
    nothing for `vendor`. The same segment, spec and options must give the same Blob.
    """


@hookspec(firstresult=True)
def byoc_compatible(
    vendor: str, manifest: SegmentEntry, device: Mapping[str, Any]
) -> Verdict | None:
    """Judge whether a segment's blob may run on `device`, before any driver sees it.

    Called once a segment of `vendor` when an artefact is loaded, after its SHA-256 was found right. `manifest` is
    the segment's entry with the vendor's own `compat` bytes, `device` what `byoc.device.this_device` tells of
    this machine. None leaves it to byoc: another toolchain version is usable, the same is optimal.
    """


@hookspec(firstresult=True)
def byoc_load(
    vendor: str, blob: Blob, device: Mapping[str, Any], options: Mapping[str, Any]
) -> Executor | None:
    """Open a blob for running: a Python driver. Asked when a segment is called for the first time.

    `blob` is what byoc_codegen gave, `device` as in byoc_compatible. `options` are the vendor's load-time options.
    Returns an Executor, or any callable that takes a list of input tensors and a list of output tensors (DLPack, to
    be filled in place). None when `vendor` has a native driver (`VendorSpec.driver`), or is another's.
    """
