"""Relax modules as models: another program built them, byoc partitions them."""

from __future__ import annotations

from typing import Any

from tvm import IRModule, relax

from byoc.frontends.model import Model

__all__ = ["from_module"]


def from_module(module: IRModule, name: str) -> Model:
    """Take a Relax module as it is; each binding is its own origin.

    Binding names that a function uses twice are numbered, so that a report can name every binding.
    """
    functions = dict(module.functions.items())
    renamed = IRModule(functions, attrs=module.attrs)
    origins: dict[str, dict[str, tuple[str, ...]]] = {}
    for var, function in sorted(functions.items(), key=lambda item: str(item[0].name_hint)):
        if not isinstance(function, relax.Function):
            continue
        unique, names = _unique(function)
        if unique is not function:
            renamed.update_func(var, unique)
        origins[str(var.name_hint)] = {each: (each,) for each in names}
    return Model(name=name, module=renamed, origins=origins)


def _unique(function: Any) -> tuple[Any, list[str]]:
    """Number the bindings whose name came before; return the function and all names in order."""
    taken = {param.name for param in function.params}
    names: list[str] = []
    clashes: dict[int, str] = {}

    def visit(expr: Any) -> None:
        if not isinstance(expr, relax.SeqExpr):
            return
        for block in expr.blocks:
            for binding in block.bindings:
                name, count = binding.var.name, 0
                while name in taken:
                    count += 1
                    name = f"{binding.var.name}_{count}"
                taken.add(name)
                names.append(name)
                if name != binding.var.name:
                    clashes[hash(binding.var)] = name

    relax.analysis.post_order_visit(function, visit)
    return (_Renamer(clashes).visit_expr(function) if clashes else function), names


@relax.expr_functor.mutator
class _Renamer(relax.PyExprMutator):  # type: ignore[misc]  # TVM is untyped
    """Gives the variables in `names`, by address, new names."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.names = names

    def visit_var_def_(self, var: Any) -> Any:
        name = self.names.get(hash(var))
        return var if name is None else relax.Var(name, var.ty, var.span)

    def visit_dataflow_var_def_(self, var: Any) -> Any:
        name = self.names.get(hash(var))
        return var if name is None else relax.DataflowVar(name, var.ty, var.span)
