"""byoc: partition a model for an accelerator from a support table, a pattern table and a plugin.

Everything a plugin or a program needs is a name of this module; each is imported when it is first used, so that
`import byoc` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from byoc._version import __version__ as __version__

if TYPE_CHECKING:
    from byoc import patterns as patterns
    from byoc.blob import Blob as Blob
    from byoc.compile import Compiled as Compiled
    from byoc.compile import compile_model as compile_model
    from byoc.cost import CostRecord as CostRecord
    from byoc.device import this_device as this_device
    from byoc.errors import ByocError as ByocError
    from byoc.errors import nearest as nearest
    from byoc.frontends import import_model as import_model
    from byoc.frontends.model import Model as Model
    from byoc.hookspecs import hookimpl as hookimpl
    from byoc.host.reference import Evaluator as Evaluator
    from byoc.manifest import SegmentEntry as SegmentEntry
    from byoc.options import CompileOptions as CompileOptions
    from byoc.options import PartitionOptions as PartitionOptions
    from byoc.partition.plan import Plan as Plan
    from byoc.pipeline import Partition as Partition
    from byoc.pipeline import partition_model as partition_model
    from byoc.region import Region as Region
    from byoc.runtime import load as load
    from byoc.runtime.executor import Executor as Executor
    from byoc.segment import Segment as Segment
    from byoc.spec import VendorSpec as VendorSpec
    from byoc.store import load_partition as load_partition
    from byoc.support import SupportTable as SupportTable
    from byoc.support import load_table as load_table
    from byoc.support.refusal import Refusal as Refusal
    from byoc.verdict import Verdict as Verdict

_HOMES = {
    "Blob": "byoc.blob",
    "ByocError": "byoc.errors",
    "CompileOptions": "byoc.options",
    "Compiled": "byoc.compile",
    "CostRecord": "byoc.cost",
    "Evaluator": "byoc.host.reference",
    "Executor": "byoc.runtime.executor",
    "Model": "byoc.frontends.model",
    "Partition": "byoc.pipeline",
    "PartitionOptions": "byoc.options",
    "Plan": "byoc.partition.plan",
    "Refusal": "byoc.support.refusal",
    "Region": "byoc.region",
    "Segment": "byoc.segment",
    "SegmentEntry": "byoc.manifest",
    "SupportTable": "byoc.support",
    "VendorSpec": "byoc.spec",
    "Verdict": "byoc.verdict",
    "compile_model": "byoc.compile",
    "hookimpl": "byoc.hookspecs",
    "import_model": "byoc.frontends",
    "load": "byoc.runtime",
    "load_partition": "byoc.store",
    "load_table": "byoc.support",
    "nearest": "byoc.errors",
    "partition_model": "byoc.pipeline",
    "this_device": "byoc.device",
}

__all__ = ["__version__", "patterns", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name == "patterns":
        return import_module("byoc.patterns")
    if name not in _HOMES:
        raise AttributeError(f"module 'byoc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
