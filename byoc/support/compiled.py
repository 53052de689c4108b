"""Compiled: an expression of a support table as a Python function, which conditions call for every op of a model.

The tree was held to the subset of `expressions` before. Here its fields, arithmetic, subscripts and calls become
calls of what stands in `_GLOBALS`, under names that no expression can write; its own names become parameters. So
the function reaches its arguments and `operations`, and neither builtins nor attributes of objects.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, Final

from byoc.support.operations import ARITHMETIC, FUNCTIONS, field, steps

_GLOBALS: Final[dict[str, Any]] = {
    "__builtins__": {},
    ".field": field,
    ".steps": steps,
    ".tuple": tuple,
    ".slice": slice,
    ".item": operator.getitem,
    **{f".{kind.__name__}": function for kind, function in ARITHMETIC.items()},
    **{f".{name}": function for name, function in FUNCTIONS.items()},
}


def compiled(node: ast.expr, names: tuple[str, ...]) -> Callable[..., Any]:
    """The function of `names`, in this order, that evaluates `node`. Raises NameError for an unknown function."""
    body = _Lowering().visit(ast.parse(ast.unparse(node), mode="eval").body)
    parameters = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    tree = ast.Expression(ast.Lambda(parameters, body))
    code = compile(ast.fix_missing_locations(tree), "<expression>", "eval")
    function: Callable[..., Any] = eval(code, _GLOBALS)
    return function


class _Lowering(ast.NodeTransformer):
    """Puts calls of `_GLOBALS` in the place of what an expression may not do by itself."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return _call("field", self.visit(node.value), ast.Constant(node.attr))

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        return _call(type(node.op).__name__, self.visit(node.left), self.visit(node.right))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        # As a call: Python warns when it compiles `(1, 2)["x"]`.
        return _call("item", self.visit(node.value), self.visit(node.slice))

    def visit_Slice(self, node: ast.Slice) -> ast.expr:
        ends = (node.lower, node.upper, node.step)
        return _call("slice", *(ast.Constant(None) if e is None else self.visit(e) for e in ends))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            raise NameError(f"there is no function {name!r}")
        return _call(name, *map(self.visit, node.args))

    def visit_List(self, node: ast.List) -> ast.expr:
        # Attributes are tuples, and `strides == [1, 1]` should be able to hold.
        return ast.Tuple([self.visit(each) for each in node.elts], ast.Load())

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self._tuple(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self._tuple(node)

    def _tuple(self, node: ast.ListComp | ast.GeneratorExp) -> ast.expr:
        only = node.generators[0]
        source = _call("steps", self.visit(only.iter))
        tests = [self.visit(each) for each in only.ifs]
        generator = ast.comprehension(only.target, source, tests, 0)
        return _call("tuple", ast.GeneratorExp(self.visit(node.elt), [generator]))


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(f".{name}", ast.Load()), list(arguments), [])
