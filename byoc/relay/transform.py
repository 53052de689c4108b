"""`relay.transform`: passes that tables name, as passes on Relax modules where Relax has them.

What partitions (`MergeComposite`, `AnnotateTarget`, `MergeCompilerRegions`, `PartitionGraph`) is
`byoc partition`'s work: a table may name these, and calling them says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NoReturn

from byoc.errors import PatternError, nearest

_RELAX: Final[Mapping[str, str]] = {
    "CanonicalizeOps": "CanonicalizeBindings",
    "DeadCodeElimination": "DeadCodeElimination",
    "EliminateCommonSubexpr": "EliminateCommonSubexpr",
    "FoldConstant": "FoldConstant",
    "InferType": "Normalize",
    "RemoveUnusedFunctions": "DeadCodeElimination",
    "SimplifyInference": "DecomposeOpsForInference",
    "ToANormalForm": "Normalize",
}
"""Relay's passes and the one of Relax that does the same."""

_PARTITIONS: Final = (
    "AnnotateTarget",
    "InlineCompilerFunctionsBoundTo",
    "MergeCompilerRegions",
    "MergeComposite",
    "PartitionGraph",
)

_IMPORTS: Final = (
    "AlterOpLayout",
    "BackwardFoldScaleAxis",
    "ConvertLayout",
    "DefuseOps",
    "DynamicToStatic",
    "FakeQuantizationToInteger",
    "FoldExplicitPadding",
    "FoldScaleAxis",
    "ForwardFoldScaleAxis",
    "Legalize",
    "SimplifyExpr",
    "ToMixedPrecision",
)


def InferTypeLocal(expr: Any) -> Any:  # noqa: N802  # Relay's name
    """The type of an expression that a check or callback sees or makes."""
    return expr.checked_type


def function_pass(*args: Any, **options: Any) -> Any:
    """Make a pass of a class or function that takes a Relax function, its module and a context, as Relax does."""
    from tvm import relax

    _errors_pass_through()
    return relax.transform.function_pass(*args, **options)


def module_pass(*args: Any, **options: Any) -> Any:
    """Make a pass of a class or function that takes a module and a context."""
    import tvm

    _errors_pass_through()
    return tvm.transform.module_pass(*args, **options)


def __getattr__(name: str) -> Callable[..., Any]:
    if name in _RELAX:
        return lambda *_, **__: _relax(name)
    if name in _PARTITIONS:
        return lambda *_, **__: _refusing(name, "byoc partition --vendor NAME partitions")
    if name in _IMPORTS:
        return lambda *_, **__: _refusing(name, "change the model before, or with relay.rewritten")
    if name.startswith("__"):
        raise AttributeError(name)
    known = [*_RELAX, *_PARTITIONS, *_IMPORTS]
    raise AttributeError(f"byoc.relay.transform has no pass {name!r}{nearest(name, known)}")


def _relax(name: str) -> Any:
    from tvm import relax

    return getattr(relax.transform, _RELAX[name])()


def _refusing(name: str, instead: str) -> NoReturn:
    raise PatternError(f"relay.transform.{name} is no pass on Relax modules; {instead}")


@cache
def _errors_pass_through() -> None:
    """Let PatternError come out of TVM's pass manager as what it is."""
    from tvm_ffi import register_error

    register_error("byoc.PatternError", PatternError)
