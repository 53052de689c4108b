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
    from byoc.partition.patterns.ast import Row
    from byoc.segment import Region
    from byoc.spec import VendorSpec
    from byoc.support.refusal import Refusal

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
