"""Models rewritten before they are partitioned: what `partition_for_...` of a Relay table does first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from byoc.errors import PatternError
from byoc.relay.dataflow_pattern import DFPatternCallback, rewrite
from byoc.relay.rewriting import RECORD

if TYPE_CHECKING:
    from byoc.frontends.model import Model, SourceGroup

Change: TypeAlias = "DFPatternCallback | Sequence[DFPatternCallback] | Callable[[Any], Any]"
"""Callbacks for `main`, or a table's own function that takes a module and gives one."""

Names: TypeAlias = Mapping[str, tuple[str, ...]]


def rewritten(model: Model, change: Change) -> Model:
    """The model after `change`, for `byoc.partition_model`; reports still name the source's nodes.

    Raises PatternError when a callback cannot be followed, or `change` gives no module.
    """
    noted: dict[str, tuple[str, ...]] = {}
    token = RECORD.set(noted)
    try:
        module = _changed(model.module, change)
    finally:
        RECORD.reset(token)
    gone = {name for names in noted.values() for name in names}.union(noted)
    groups = {
        name: tuple(each for each in held if gone.isdisjoint(each.bindings))
        for name, held in model.groups.items()
    }
    return replace(model, module=module, origins=_origins(model, noted), groups=_some(groups))


def _changed(module: Any, change: Change) -> Any:
    from tvm import IRModule, relax

    made = IRModule(dict(module.functions.items()), module.attrs, module.global_infos)
    if isinstance(change, DFPatternCallback | list | tuple):
        made["main"] = rewrite(change, made["main"])
    else:
        assert callable(change)
        made = change(made)
    if not isinstance(made, IRModule):
        raise PatternError(f"the change gives {type(made).__name__}; expected a Relax module")
    return relax.transform.Normalize()(made)


def _origins(model: Model, noted: Names) -> dict[str, Names]:
    """The source nodes of every binding: those of what it replaces, where it is new."""
    found: dict[str, Names] = {}
    for function, known in model.origins.items():
        new = dict(known)
        for name, replaced in noted.items():
            held = [source for each in replaced for source in new.get(each, (each,))]
            new[name] = tuple(dict.fromkeys(held))
        found[function] = new
    return found


def _some(groups: Mapping[str, tuple[SourceGroup, ...]]) -> dict[str, tuple[SourceGroup, ...]]:
    return {name: held for name, held in groups.items() if held}
