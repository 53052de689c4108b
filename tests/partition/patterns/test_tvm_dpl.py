from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import tvm
from tvm import relax, tirx
from tvm.relax import dpl
from tvm.relax.backend import pattern_registry
from tvm.relax.dpl import is_const, is_op, is_shape, is_tuple, is_tuple_get_item, wildcard
from tvm.relax.dpl import pattern as tvm_pattern
from tvm.relax.transform import FusionPattern

from byoc.errors import PatternError
from byoc.partition.graph import Graph, Kind, read_module
from byoc.partition.patterns._fits import fits
from byoc.partition.patterns.ast import Alternatives, Op, TvmCheck, Where, Wildcard
from byoc.partition.patterns.rows import ordered
from byoc.partition.patterns.text import parse
from byoc.partition.patterns.tvm_dpl import from_dpl, rows_from_tvm
from byoc.partition.patterns.walk import nodes, roots
from tests.partition.build import module
from tests.partition.patterns.same import same

TABLES = {
    "cuda.cublas": 10,
    "cuda.cudnn": 5,
    "cuda.cutlass": 79,
    "rocm.hipblas": 8,
    "metal.coreml": 10,
    "adreno.clml": 87,
    "contrib.nnapi": 31,
    "contrib.tensorrt": 52,
    "contrib.example_npu.patterns": 19,
}


@pytest.fixture(scope="module")
def tables() -> Iterator[dict[str, list[Any]]]:
    """The rows of each of TVM's own tables, as their modules hand them to `register_patterns`."""
    found: dict[str, list[Any]] = {}
    register = pattern_registry.register_patterns
    try:
        for name in TABLES:
            rows: list[Any] = []
            pattern_registry.register_patterns = rows.extend
            loaded = importlib.import_module(f"tvm.relax.backend.{name}")
            if not rows:
                importlib.reload(loaded)
            found[name] = rows
    finally:
        pattern_registry.register_patterns = register
    yield found


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_tvms_tables_converts(tables: dict[str, list[Any]], name: str) -> None:
    given = tables[name]
    assert len(given) == TABLES[name]
    for row, source in zip(rows_from_tvm("mychip", given), given, strict=True):
        assert row.name == f"mychip.{source[0]}"
        assert roots(row.outputs[0])
        checked = len(source) > 3 and source[3] is not None
        assert isinstance(row.check, TvmCheck) is checked
        inside = nodes(row.outputs)
        assert set(row.annotations) <= set(source[2] if len(source) > 2 else {})
        assert all(part in inside for part in row.annotations.values())


def test_rows_that_come_later_are_tried_first(tables: dict[str, list[Any]]) -> None:
    given = tables["cuda.cublas"]
    rows = rows_from_tvm("cublas", given)
    assert [row.name for row in ordered(rows)] == [name for name, *_ in reversed(given)]
    first = rows_from_tvm("cublas", given, later_first=False)
    assert [row.name for row in ordered(first)] == [name for name, *_ in given]


def test_fusion_patterns_and_short_rows() -> None:
    root = is_op("relax.nn.relu")(x := wildcard())
    asked: list[Any] = []
    rows = rows_from_tvm(
        "npu",
        [
            ("relu", root),
            ("npu.relu", root, {"x": x, "elsewhere": wildcard()}),
            FusionPattern(
                "npu.relu2", root, {"x": x}, lambda context: asked.append(context) or True
            ),
        ],
    )
    assert [row.name for row in rows] == ["npu.relu", "npu.relu", "npu.relu2"]
    assert [list(row.annotations) for row in rows] == [[], ["x"], ["x"]]
    assert rows[1].annotations["x"] is rows[1].outputs[0].args[0]  # type: ignore[union-attr,index]
    assert isinstance(rows[2].check, TvmCheck)


def test_structure_and_sharing() -> None:
    x, w = wildcard(), is_const()
    parts = is_op("relax.split")(x)
    both = is_op("relax.add")(is_tuple_get_item(parts, 0), is_tuple_get_item(parts))
    pattern = is_op("relax.concat")(is_tuple([both, w]))
    text = "v1 = split(_)\nconcat((add(v1[0], v1[*]), _:const))"
    assert same((from_dpl(pattern),), parse(text)) or same(parse(text), (from_dpl(pattern),))


def test_varargs_are_seen() -> None:
    x = wildcard()
    exact = from_dpl(is_op("relax.strided_slice")(x))
    further = from_dpl(is_op("relax.strided_slice")(x, varg_default_wildcard=True))
    inner = from_dpl(is_op("relax.exp")(is_op("relax.reshape")(x, varg_default_wildcard=True)))
    assert isinstance(exact, Op) and not exact.rest
    assert isinstance(further, Op) and further.rest
    assert isinstance(inner, Op) and not inner.rest


def test_either_op_and_alternatives() -> None:
    x = wildcard()
    either = (is_op("relax.exp") | is_op("relax.nn.relu") | is_op("relax.tanh"))(x)
    found = from_dpl(either)
    assert isinstance(found, Op) and found.ops == ("exp", "nn.relu", "tanh")
    choice = from_dpl(is_op("relax.exp")(x) | is_op("relax.tanh")(x))
    assert isinstance(choice, Alternatives)
    assert choice.options[0].args == choice.options[1].args  # type: ignore[union-attr]


def test_attributes_belong_to_the_op_or_to_one_use_of_it() -> None:
    mean = is_op("relax.mean")(wildcard())
    found = from_dpl(mean.has_attr({"axis": [2, 3], "keepdims": True}))
    assert isinstance(found, Op) and found.attrs == {"axis": (2, 3), "keepdims": True}
    shared = from_dpl(is_op("relax.add")(mean.has_attr({"axis": [2]}), mean))
    assert isinstance(shared, Op) and shared.args is not None
    demanding, plain = shared.args
    assert isinstance(demanding, Where) and demanding.pattern is plain
    assert isinstance(plain, Op) and not plain.attrs


def graph_of(nodes: Sequence[Any], **options: Any) -> tuple[Graph, int]:
    """A graph and its last call."""
    (graph,) = read_module(module(nodes, **options))
    return graph, max(node for node, kind in enumerate(graph.kinds) if kind is Kind.CALL)


def agree(pattern: Any, nodes: Sequence[Any], **options: Any) -> bool:
    """Whether the pattern fits at the last call; TVM's matcher must say the same."""
    graph, node = graph_of(nodes, **options)
    values = {
        var: expr
        for var, expr, kind in zip(graph.vars, graph.exprs, graph.kinds, strict=True)
        if var is not None and kind is not Kind.INPUT
    }
    ours, theirs = fits(from_dpl(pattern), graph, node), pattern.match(graph.exprs[node], values)
    assert ours is bool(theirs)
    return ours


ONE = np.ones((4, 4), "float32")
RELU = [("relu", [0])]
ADD = [("relu", [0]), ("exp", [0]), ("add", [1, 2])]
SOFTMAX = [("relu", [0]), ("nn.softmax", [1], {"axis": 1})]


def relu(x: Any) -> Any:
    return is_op("relax.nn.relu")(x)


def exp(x: Any) -> Any:
    return is_op("relax.exp")(x)


@pytest.mark.parametrize(
    ("build", "nodes", "fit"),
    [
        (lambda: relu(wildcard()), RELU, True),
        (lambda: exp(wildcard()), RELU, False),
        (lambda: relu(is_const()), RELU, False),
        (lambda: is_op("relax.add")(wildcard(), is_const()), [("add", [0, ONE])], True),
        (lambda: is_op("relax.add")(is_const(), wildcard()), [("add", [0, ONE])], True),
        (lambda: is_op("relax.add")(exp(x := wildcard()), relu(x)), ADD, True),
        (lambda: is_op("relax.add")(relu(wildcard()), relu(wildcard())), ADD, False),
        (lambda: relu(wildcard()).has_dtype("float32"), RELU, True),
        (lambda: relu(wildcard()).has_dtype("float16"), RELU, False),
        (lambda: relu(wildcard().has_shape((4, 4))), RELU, True),
        (lambda: relu(wildcard().has_shape((4, 5))), RELU, False),
        (lambda: relu(wildcard()).has_ty(relax.TensorType((4, 4), "float32")), RELU, True),
        (lambda: relu(wildcard()).has_ty(relax.TensorType((4, 5), "float32")), RELU, False),
        (lambda: is_op("relax.nn.softmax")(wildcard()).has_attr({"axis": 1}), SOFTMAX, True),
        (lambda: is_op("relax.nn.softmax")(wildcard()).has_attr({"axis": 0}), SOFTMAX, False),
        (lambda: is_op("relax.nn.softmax")(~exp(wildcard())), SOFTMAX, True),
        (lambda: is_op("relax.nn.softmax")(~relu(wildcard())), SOFTMAX, False),
        (lambda: is_op("relax.nn.softmax")(relu(wildcard()) & ~is_const()), SOFTMAX, True),
        (lambda: is_op("relax.nn.softmax")(wildcard() & exp(wildcard())), SOFTMAX, False),
        (lambda: relu(dpl.is_var("x0")), RELU, True),
        (lambda: relu(dpl.is_var("x1")), RELU, False),
        (lambda: relu(dpl.is_dfv()), RELU, False),
        (lambda: is_op("relax.add")(wildcard(), dpl.is_var()), [("add", [0, ONE])], True),
        (lambda: is_op("relax.divide")(wildcard(), dpl.is_var()), [("divide", [0, ONE])], False),
        (
            lambda: is_op("relax.add")(wildcard(), dpl.is_expr(relax.const(ONE))),
            [("add", [0, ONE])],
            True,
        ),
        (
            lambda: is_op("relax.reshape")(wildcard(), is_shape([2, 8])),
            [("reshape", [0], {"shape": (2, 8)})],
            True,
        ),
        (
            lambda: is_op("relax.reshape")(wildcard(), is_shape([8, 2])),
            [("reshape", [0], {"shape": (2, 8)})],
            False,
        ),
        (
            lambda: is_op("relax.concat")(is_tuple([exp(wildcard()), relu(wildcard())])),
            [("relu", [0]), ("exp", [0]), ("concat", [[1, 2]])],
            False,
        ),
        (
            lambda: is_op("relax.concat")(
                is_tuple([exp(wildcard()), relu(wildcard())], unordered=True)
            ),
            [("relu", [0]), ("exp", [0]), ("concat", [[1, 2]])],
            True,
        ),
    ],
)
def test_fits_where_tvm_matches(build: Any, nodes: Sequence[Any], fit: bool) -> None:
    assert agree(build(), nodes) is fit


def test_functions_called_and_named() -> None:
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((4,), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            called = relax.call_dps_packed("mine", [x], out_ty=x.ty)
            result = builder.emit_output(builder.emit(called))
        builder.emit_func_output(result)
    (graph,) = read_module(builder.finalize())
    node = graph.ops.index("call_dps_packed")
    for symbol, fit in (("mine", True), ("", True), ("other", False)):
        pattern = dpl.is_call_dps_packed(symbol)
        assert fits(from_dpl(pattern), graph, node) is fit
    assert not fits(
        from_dpl(is_op("relax.call_tir")(dpl.GlobalVarPattern(), wildcard())), graph, node
    )
    packed = from_dpl(tvm_pattern.is_call_packed("mine", [wildcard()]))
    assert isinstance(packed, Where) and roots(packed) == {"call_packed"}


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: dpl.FunctionPattern([wildcard()], wildcard()), "FunctionPattern is not supported"),
        (lambda: wildcard().used_by(relu(wildcard())), "PatternSeq is a constraint"),
        (lambda: wildcard().same_shape_as(wildcard()), "SameShapeConstraint is a constraint"),
        (lambda: wildcard()(wildcard()), "CallPattern of a WildcardPattern: expected ops"),
        (lambda: is_op("relax.exp"), "ExprPattern: relax.exp is not called"),
        (lambda: "relax.exp", "str is not supported"),
        (lambda: [wildcard()], "list is not supported"),
        (lambda: is_tuple([wildcard()] * 6, unordered=True), "UnorderedTuplePattern of 6 fields"),
        (
            lambda: is_op("relax.add")(
                e := exp(wildcard()), relu(relu(relu(wildcard()))) & relu(e)
            ),
            "AndPattern: its smaller side shares a call",
        ),
    ],
)
def test_what_byoc_does_not_take_is_named(build: Any, words: str) -> None:
    with dpl.PatternContext():
        pattern = build()
    with pytest.raises(PatternError, match=words):
        from_dpl(pattern)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("npu.any", wildcard()), "npu.any: output 0 can match a value that no op computes"),
        (("npu.f", dpl.FunctionPattern([], wildcard())), "npu.f: FunctionPattern"),
        (("npu.x",), r"a tuple \(name, pattern"),
        ("npu.x", r"a row is 'npu.x' of type str; expected p.row\(vendor, name, pattern\)"),
        ((1, wildcard()), r"a row's name is 1 of type int; expected \(name, pattern"),
        (("npu.n", wildcard(), ["lhs"]), r"npu.n: the annotations are \['lhs'\]; expected a dict"),
        (("npu.c", wildcard(), {}, 5), "npu.c: the check is 5"),
        (
            FusionPattern("npu.a", relu(wildcard()), attrs_getter=lambda parts: {}),
            "npu.a: byoc puts no attributes",
        ),
    ],
)
def test_malformed_rows_are_named(row: Any, words: str) -> None:
    with pytest.raises(PatternError, match=words):
        rows_from_tvm("npu", [row])


def test_symbolic_dimensions_compare_by_name() -> None:
    dim = tirx.Var("n", "int64")
    found = from_dpl(relu(wildcard().has_shape((dim, 4))))
    graph, node = graph_of(RELU, inputs=[("n", 4)])
    assert fits(found, graph, node)
    assert not fits(from_dpl(relu(wildcard().has_shape((2, 4)))), graph, node)


def test_tvm_is_the_version_whose_patterns_these_are() -> None:
    assert tvm.__version__.startswith("0.27")
    assert isinstance(from_dpl(wildcard()), Wildcard)
