"""`relay.expr_functor`: visitors and mutators of expressions, and of Relax functions seen as Relay's.

A mutator gives back the same object where nothing changes. Of a Relax function it gives a Relax function, in which
what stayed the same keeps its variables.
"""

from __future__ import annotations

from typing import Any

from byoc.relay.expr import Call, Constant, Expr, Tuple, TupleGetItem, Var


class ExprFunctor:
    """Dispatches on the kind of an expression; the same object is visited once."""

    def __init__(self) -> None:
        self.memo_map: dict[int, tuple[Expr, Any]] = {}

    def visit(self, expr: Any) -> Any:
        """Visit an expression, or the result of a Relax function."""
        if not isinstance(expr, Expr):
            return self.visit_function(expr)
        if id(expr) not in self.memo_map:
            # The object is kept with its answer: an id means something only while it lives.
            self.memo_map[id(expr)] = (expr, self._visit(expr))
        return self.memo_map[id(expr)][1]

    def _visit(self, expr: Expr) -> Any:
        if isinstance(expr, Call):
            return self.visit_call(expr)
        if isinstance(expr, Tuple):
            return self.visit_tuple(expr)
        if isinstance(expr, TupleGetItem):
            return self.visit_tuple_getitem(expr)
        if isinstance(expr, Constant):
            return self.visit_constant(expr)
        return self.visit_var(expr)

    def visit_function(self, func: Any) -> Any:
        """Visit a Relax function."""
        raise NotImplementedError

    def visit_call(self, call: Any) -> Any:
        """Visit a call."""
        raise NotImplementedError

    def visit_tuple(self, tup: Any) -> Any:
        """Visit a tuple."""
        raise NotImplementedError

    def visit_tuple_getitem(self, op: Any) -> Any:
        """Visit an item of a tuple."""
        raise NotImplementedError

    def visit_constant(self, const: Any) -> Any:
        """Visit a constant."""
        raise NotImplementedError

    def visit_var(self, var: Any) -> Any:
        """Visit a variable."""
        raise NotImplementedError


class ExprVisitor(ExprFunctor):
    """Visits every expression inside."""

    def visit_function(self, func: Any) -> None:
        """Visit what a Relax function gives."""
        from byoc.relay.whole import visited

        visited(func, self.visit)

    def visit_call(self, call: Any) -> None:
        """Visit the operands."""
        for arg in call.args:
            self.visit(arg)

    def visit_tuple(self, tup: Any) -> None:
        """Visit the fields."""
        for field in tup.fields:
            self.visit(field)

    def visit_tuple_getitem(self, op: Any) -> None:
        """Visit the tuple."""
        self.visit(op.tuple_value)

    def visit_constant(self, const: Any) -> None:
        """Nothing is inside."""

    def visit_var(self, var: Any) -> None:
        """Nothing is inside."""


class ExprMutator(ExprFunctor):
    """Makes an expression again; derived classes say what becomes of which."""

    def visit_function(self, func: Any) -> Any:
        """A Relax function with other results. Raises PatternError as `rewrite` does."""
        from byoc.relay.whole import remade

        return remade(type(self).__name__, func, self.visit)

    def visit_call(self, call: Any) -> Any:
        """The call of what the operands become."""
        args = [self.visit(arg) for arg in call.args]
        if all(one is other for one, other in zip(args, call.args, strict=True)):
            return call
        return Call(call.op, args, call.attrs, None, call.span)

    def visit_tuple(self, tup: Any) -> Any:
        """The tuple of what the fields become."""
        fields = [self.visit(field) for field in tup.fields]
        if all(one is other for one, other in zip(fields, tup.fields, strict=True)):
            return tup
        return Tuple(fields)

    def visit_tuple_getitem(self, op: Any) -> Any:
        """The item of what the tuple becomes."""
        whole = self.visit(op.tuple_value)
        return op if whole is op.tuple_value else TupleGetItem(whole, op.index)

    def visit_constant(self, const: Any) -> Any:
        """The constant."""
        return const

    def visit_var(self, var: Var) -> Any:
        """The variable."""
        return var
