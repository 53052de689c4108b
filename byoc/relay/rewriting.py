"""Rewriting: Relay's `rewrite` on Relax functions. Callbacks see and give Relay's expressions.

What a callback gives is converted as a model of Relay's would be, and stands where the match ended; what nothing
reads any more goes. Matches are found from the last op to the first, do not overlap, and no value inside one is
read outside, as in Relay. The branches of an `if` stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from byoc.errors import PatternError
from byoc.relay.convert import Converter
from byoc.relay.emit import emitted
from byoc.relay.expr import Call, Expr

if TYPE_CHECKING:
    from byoc.partition._composite import Composite
    from byoc.partition.graph import Graph
    from byoc.relay.dataflow_pattern import DFPattern, DFPatternCallback
    from byoc.relay.view import View

MOST_PASSES: Final = 100
"""After so many passes callbacks are taken to undo each other, as in Relay."""

RECORD: Final[ContextVar[dict[str, tuple[str, ...]] | None]] = ContextVar("RECORD", default=None)
"""New bindings and the ones that they replace, noted while `byoc.relay.model.rewritten` listens."""


class NodeMap(Mapping["DFPattern", list[Expr]]):
    """What each part of a pattern matched, as a list of one expression, as Relay's callbacks get it."""

    def __init__(self, found: Mapping[DFPattern, Expr]) -> None:
        self._found = found

    def __getitem__(self, pattern: DFPattern) -> list[Expr]:
        return [self._found[pattern]]

    def __iter__(self) -> Iterator[DFPattern]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def get(self, pattern: DFPattern, default: Any = None) -> Any:
        """What `pattern` matched, `default` when it matched nothing."""
        return self[pattern] if pattern in self._found else default


def rewrite_function(callbacks: Sequence[DFPatternCallback], function: Any) -> Any:
    """`function` with what matches replaced, until nothing matches or changes any more.

    Raises PatternError for what is no Relax function, for a callback whose answer has no form in Relax or another
    type than the match, and when callbacks undo each other.
    """
    from tvm import relax

    if not isinstance(function, relax.Function):
        raise PatternError(
            f"rewrite of {type(function).__name__}; expected a Relax function, such as a module's mod['main']"
        )
    for _ in range(MOST_PASSES):
        changed = False
        for each in callbacks:
            made = _Pass(each, function).run()
            changed = changed or made is not function
            function = made
        if not changed or not callbacks or callbacks[-1].rewrite_once:
            return function
    names = ", ".join(type(each).__name__ for each in callbacks)
    raise PatternError(f"rewrite({names}): still something to change after {MOST_PASSES} passes")


@dataclass
class Finder:
    """Finds what a pattern matches in a graph; `converter` says what its parts became."""

    pattern: DFPattern
    converter: Converter = field(default_factory=Converter)

    def __post_init__(self) -> None:
        from byoc.partition._forms import forms
        from byoc.partition.patterns import api
        from byoc.partition.patterns.ast import Row

        output = self.converter.convert(self.pattern).pattern
        api.validate((output,), "rewrite")
        (self.form,) = forms([Row("relay", "rewrite", (output,), once=True)])

    def found(self, graph: Graph) -> list[Composite]:
        """The matches, last first: the first way at each op, of ops that no match before took."""
        from byoc.partition._search import Places

        places, roots = Places.of(graph), frozenset(self.form.roots)
        taken: set[int] = set()
        accepted = []
        for node in range(len(graph) - 1, -1, -1):
            if node in taken or _root(graph, node) not in roots:
                continue
            match = self.at(graph, node, places, taken)
            if match is not None and taken.isdisjoint(match.nodes) and not match.leak():
                accepted.append(match)
                taken.update(match.nodes)
        return accepted

    def at(
        self, graph: Graph, node: int, places: Any = None, taken: Any = frozenset()
    ) -> Composite | None:
        """The first way to match at `node`, None when there is none."""
        from byoc.partition._composite import composites
        from byoc.partition._search import Places

        places = Places.of(graph) if places is None else places
        return next(composites(graph, places, self.form, node, taken), None)

    def view(self, graph: Graph, match: Composite) -> View:
        """The whole graph as Relay's expressions, the match by the names that the pattern has."""
        from byoc.relay.view import View

        env = match.env
        parts = {part: env[part] for part in self.converter.anchors if part in env}
        spelled = {node: self.converter.anchors[part] for part, node in parts.items()}
        sums = frozenset(node for part, node in parts.items() if part in self.converter.sums)
        return View(graph, {**borders(graph, match.nodes), **spelled}, sums)

    def parts(self, view: View, match: Composite) -> NodeMap:
        """What each part of the pattern matched."""
        held = {
            pattern: view.expr(match.env[operand.pattern])
            for pattern, operand in self.converter.done.items()
            if isinstance(match.env.get(operand.pattern), int)
        }
        return NodeMap({**held, **_turned(view, held)})


def _turned(view: View, held: Mapping[DFPattern, Expr]) -> dict[DFPattern, Expr]:
    """Operands that Relay has in another form than the model, such as the weight of `nn.dense`."""
    from byoc.relay.dataflow_pattern import CallPattern

    return {
        operand: given
        for pattern, expr in held.items()
        if isinstance(pattern, CallPattern) and isinstance(expr, Call)
        for operand, given in zip(pattern.args or (), expr.args, strict=False)
        if view.node(given) is None
    }


def borders(graph: Graph, inside: Collection[int] = ()) -> dict[int, str]:
    """The `dequantize` calls that are not `inside` a match: Relay has them there as well."""
    return {
        node: "qnn.dequantize"
        for node, op in enumerate(graph.ops)
        if op == "dequantize" and node not in inside
    }


def _root(graph: Graph, node: int) -> str:
    from byoc.partition.graph import Kind

    return graph.ops[graph.operands[node][0]] if graph.kinds[node] is Kind.ITEM else graph.ops[node]


@dataclass
class _Pass:
    """One pass of one callback over a function."""

    callback: DFPatternCallback
    function: Any
    names: set[str] = field(default_factory=set)
    replaced: dict[int, list[Any]] = field(default_factory=dict)

    def run(self) -> Any:
        from byoc.partition.graph import read_function

        if self.callback.pattern is None:
            raise PatternError(f"{type(self.callback).__name__} has no pattern")
        graphs = read_function("main", self.function)
        self.names = {name for graph in graphs for name in graph.names if name}
        self.names |= {param.name for param in self.function.params}
        finder = Finder(self.callback.pattern)
        for graph in graphs:
            if len(graph.block) == 1:
                for match in finder.found(graph):
                    self._replace(finder, graph, match)
        return rebuilt(self.function, self.replaced) if self.replaced else self.function

    def _replace(self, finder: Finder, graph: Graph, match: Composite) -> None:
        view, root = finder.view(graph, match), match.root
        before = view.expr(root)
        after = self.callback.callback(before, before, finder.parts(view, match))
        if after is before:
            return
        if not graph.names[root]:
            who = type(self.callback).__name__
            raise PatternError(f"rewrite({who}): the match ends in a value without a name")
        binding = graph.bindings[root]
        who = f"rewrite({type(self.callback).__name__})"
        made = placed(who, graph, view, binding, after, self.names)
        replaced = tuple(graph.names[node] for node in match.nodes if graph.names[node])
        note({each.var.name: replaced for each in made})
        self.replaced[hash(binding.var)] = made


def note(names: Mapping[str, tuple[str, ...]]) -> None:
    """Tell who listens of new bindings, and of those that they replace."""
    record = RECORD.get()
    if record is not None:
        record.update(names)


def placed(
    who: str, graph: Graph, view: View, binding: Any, after: Expr, names: set[str]
) -> list[Any]:
    """The bindings that compute `after`, the last of them of the variable of `binding`, which they replace.

    New names are put into `names`. Raises PatternError, starting with `who`.
    """
    from tvm import relax

    from byoc.relay.captured import Captured

    captured = Captured(graph, view, binding, names)
    try:
        new = emitted(after, captured, names, binding.var.name)
    except PatternError as error:
        raise PatternError(f"{who}: {error.what}") from None
    function = new.function
    # The type of the result itself: the function's own forgets dimensions that its parameters do not define.
    _same_type(who, function.body.body.ty, binding.var.ty)
    kind = relax.DataflowVar if graph.dataflow else relax.Var
    given = dict(zip(map(hash, function.params), new.values, strict=True))
    inner = [each for block in function.body.blocks for each in block.bindings]
    result = function.body.body
    made = captured.kept()
    for each in inner:
        value = _with(each.value, given)
        var = binding.var if each.var.same_as(result) else kind(each.var.name, each.var.ty)
        given[hash(each.var)] = var
        made.append(relax.VarBinding(var, value))
        names.add(var.name)
        note({var.name: new.origins.get(each.var.name, ())})
    if not inner or not inner[-1].var.same_as(result):
        made.append(relax.VarBinding(binding.var, _with(result, given)))
    return made


def rebuilt(function: Any, replaced: Mapping[int, list[Any]]) -> Any:
    """`function` with other bindings in place of those of variables, by address; what nothing reads goes."""
    from tvm import relax

    blocks = []
    for block in function.body.blocks:
        bindings: list[Any] = []
        for each in block.bindings:
            bindings += replaced.get(hash(each.var), [each])
        is_dataflow = isinstance(block, relax.DataflowBlock)
        blocks.append((relax.DataflowBlock if is_dataflow else relax.BindingBlock)(bindings))
    body = relax.SeqExpr(blocks, function.body.body)
    made = relax.Function(function.params, body, function.ret_ty, function.is_pure, function.attrs)
    return relax.analysis.remove_all_unused(made)


def _with(value: Any, given: Mapping[int, Any]) -> Any:
    """`value` with variables replaced, by address."""
    from tvm import ir
    from tvm_ffi import structural_map

    return structural_map(value, (ir.Var, lambda each: given.get(hash(each), each)))


def _same_type(who: str, made: Any, wanted: Any) -> None:
    from tvm_ffi import structural_equal

    if not structural_equal(made, wanted):
        raise PatternError(f"{who}: the callback gives a {made}, the match was a {wanted}")
