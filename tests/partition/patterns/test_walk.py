from __future__ import annotations

from byoc.partition.patterns import is_op, wildcard
from byoc.partition.patterns.ast import Where, Wildcard
from byoc.partition.patterns.text import parse
from byoc.partition.patterns.walk import is_optional, names, nodes, roots, size, stray


def test_shared_ops_count_once() -> None:
    assert size(*parse("c = exp(x)\nadd(c, nn.relu(c))")) == 3
    assert size(*parse("y = exp(x)\ny, nn.relu(y)")) == 2


def test_size_takes_the_longest_alternative() -> None:
    assert size(*parse("c = exp?(nn.relu?(x))\nadd(c, y) | sigmoid(x)")) == 3


def test_roots() -> None:
    (output,) = parse("nn.relu?((add|multiply)(x, y))")
    assert roots(output) == {"nn.relu", "add", "multiply"}
    (item,) = parse("split(x)[0]")
    assert roots(item) == {"split"}
    assert roots(Where(item, lambda graph, node: True)) == {"split"}
    assert roots(Wildcard()) is None


def test_nodes_stand_operands_first_and_once() -> None:
    (output,) = parse("c = exp(x)\nadd(c, c)")
    assert [type(each).__name__ for each in nodes([output, output])] == ["Wildcard", "Op", "Op"]
    assert names(output) == ("x", "c")


def test_outputs_that_share_nothing_are_found() -> None:
    y = is_op("nn.relu")(wildcard("x"))
    assert stray(()) is None
    assert stray((y,)) is None
    assert stray((y, is_op("exp")(y))) is None
    assert stray((y, is_op("exp")(wildcard("z")))) == 1
    assert stray((y, is_op("exp")(y), is_op("tanh")(wildcard()))) == 2


def test_optional() -> None:
    assert is_optional(*parse("exp?(nn.relu(x))"))
    assert is_optional(*parse("c = nn.relu(x)\nexp(c) | c"))
    assert not is_optional(*parse("exp(x) | nn.relu(x)"))
    assert not is_optional(*parse("exp(x)"))
