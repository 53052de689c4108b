"""Expressions of a support table: a small, bounded subset of Python, parsed once and evaluated often.

Allowed: names, the listed fields of a tensor, indexing and slicing, arithmetic, comparisons, `and or not`,
`x if c else y`, one-generator comprehensions and calls of the functions in `FUNCTIONS`. Nothing else parses:
no methods, no lambdas, no f-strings, no keyword arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from byoc.support.compiled import compiled
from byoc.support.operations import ARITHMETIC, EvaluationError, NotConstantError, UnknownError

MAX_LENGTH: Final = 1_000
MAX_PARTS: Final = 200

_SYNTAX: Final = (
    *(
        ast.Expr,
        ast.Name,
        ast.Load,
        ast.Store,
        ast.Constant,
        ast.Attribute,
        ast.Subscript,
        ast.Slice,
    ),
    *(
        ast.UnaryOp,
        ast.USub,
        ast.UAdd,
        ast.Not,
        ast.BinOp,
        *ARITHMETIC,
        ast.BoolOp,
        ast.And,
        ast.Or,
    ),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
    *(ast.IfExp, ast.Call, ast.Tuple, ast.List, ast.ListComp, ast.GeneratorExp, ast.comprehension),
)


class ExpressionError(Exception):
    """An expression cannot be used; `column` counts from 0 within it."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class Expression:
    """A parsed expression: `names` are those it reads, first use first, comprehension variables left out."""

    text: str
    node: ast.expr
    names: tuple[str, ...]

    @cached_property
    def _function(self) -> Callable[..., Any]:
        return compiled(self.node, self.names)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Evaluate with `values` for the names. Raises UnknownError, NotConstantError or EvaluationError."""
        absent = [name for name in self.names if name not in values]
        if absent:
            raise EvaluationError(f"there is no {absent[0]!r}")
        return self.apply([values[name] for name in self.names])

    def apply(self, values: Sequence[Any]) -> Any:
        """The same with one value for each of `names`, in their order."""
        try:
            return self._function(*values)
        except (UnknownError, NotConstantError):
            raise
        except (
            Exception
        ) as e:  # whatever a rule does wrong is a refusal with its words, never a crash
            raise EvaluationError(_failure(e)) from e

    def sides(self, values: Mapping[str, Any]) -> tuple[str, Any] | None:
        """For a comparison `a <= b`, the text of `a` and its value, for a message; else None."""
        if not isinstance(self.node, ast.Compare) or isinstance(self.node.left, ast.Constant):
            return None
        left = ast.unparse(self.node.left)
        return left, parse(left).evaluate(values)


def where(condition: Expression, holds: Expression) -> Expression:
    """`holds` where `condition` is true, elsewhere True; both must have what they read."""
    node = ast.IfExp(condition.node, holds.node, ast.Constant(True))
    names = dict.fromkeys((*condition.names, *holds.names))
    return Expression(f"{holds.text}, if {condition.text}", node, tuple(names))


def _failure(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]!r}"
    return (str(error) or type(error).__name__).splitlines()[0][:200]


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse an expression. Raises ExpressionError when it is no expression of the allowed subset."""
    stripped = text.strip()
    if not stripped:
        raise ExpressionError("an expression is missing")
    if len(stripped) > MAX_LENGTH:
        raise ExpressionError(f"an expression of {len(stripped)} characters; at most {MAX_LENGTH}")
    try:
        node = ast.parse(stripped.replace("\n", " "), mode="eval").body
    except SyntaxError as e:
        raise ExpressionError(f"{e.msg} in {stripped!r}", (e.offset or 1) - 1) from e
    except (ValueError, RecursionError, MemoryError) as e:
        raise ExpressionError(f"{stripped[:40]!r} cannot be parsed") from e
    bound = _check_syntax(node)
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not _is_function(n, node)]
    return Expression(stripped, node, tuple(dict.fromkeys(n for n in names if n not in bound)))


def _is_function(name: ast.Name, root: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and n.func is name for n in ast.walk(root))


def _check_syntax(root: ast.expr) -> set[str]:
    """Hold the tree to the subset and return the names that comprehensions bind."""
    bound: set[str] = set()
    comprehensions = 0
    parts = list(ast.walk(root))
    if len(parts) > MAX_PARTS:
        raise ExpressionError(f"an expression of {len(parts)} parts; at most {MAX_PARTS}")
    for part in parts:
        column = getattr(part, "col_offset", 0)
        if not isinstance(part, _SYNTAX):
            raise ExpressionError(f"{_syntax_name(part)} is not allowed in an expression", column)
        if isinstance(part, ast.Call) and (not isinstance(part.func, ast.Name) or part.keywords):
            raise ExpressionError(
                "only the functions of tables can be called, without keywords", column
            )
        if isinstance(part, ast.Attribute) and part.attr.startswith("_"):
            raise ExpressionError(f"{part.attr!r} is no field", column)
        if isinstance(part, ast.Constant) and not isinstance(part.value, int | float | str | None):
            raise ExpressionError(f"{part.value!r} is not allowed in an expression", column)
        if isinstance(part, ast.ListComp | ast.GeneratorExp):
            comprehensions += 1
            target = part.generators[0].target
            if comprehensions > 1 or len(part.generators) > 1 or not isinstance(target, ast.Name):
                raise ExpressionError(
                    "one comprehension with one plain variable is the limit", column
                )
            bound.add(target.id)
    return bound


def _syntax_name(node: ast.AST) -> str:
    words = {"Lambda": "lambda", "JoinedStr": "an f-string", "NamedExpr": "':='", "Starred": "'*'"}
    return words.get(type(node).__name__, type(node).__name__)
