import pickle
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from byoc.partition.patterns.text import parse
from byoc.partition.patterns.walk import names
from byoc.support import load_table
from byoc.support.names import op_scope, pattern_names, pattern_scope

from .build import HEAD, conv2d, write

PATTERNS = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[1] / "data" / "patterns.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", PATTERNS)
def test_the_names_of_a_pattern_are_those_of_its_parser(name: str) -> None:
    text = PATTERNS[name]
    found = pattern_names(text)
    assert set(names(*parse(text))) == set(found.values)
    assert found.interior <= set(found.values)


def test_the_names_of_one_pattern() -> None:
    found = pattern_names("c = (add|multiply)(nn.conv2d(x, w:const){groups=1}, r)\nnn.relu?(c)\n")
    assert found.values == ("c", "x", "w", "r")
    assert found.interior == {"c"}
    assert found.ops == ("add", "multiply", "nn.conv2d", "nn.relu")


def test_scopes() -> None:
    conv = op_scope("nn.conv2d")
    assert conv.inputs == ("data", "weight")
    assert "hw" in conv.names()
    assert op_scope("com.acme.Fused").inputs is None
    pattern = pattern_scope("p", "nn.relu(nn.conv2d(x, w:const))")
    assert pattern.inputs == ("x", "w")
    assert "strides" in (pattern.attrs or ())
    assert pattern_scope("p", "byoc.gelu(x)").attrs is None
    assert pattern_scope("p", "concat((*xs))").tuples == {"xs"}


def test_a_table_can_be_sent_to_another_process(tmp_path: Path) -> None:
    table = load_table(write(tmp_path, HEAD + "ops: {nn.conv2d: {attrs: {groups: 1}}}"))
    again = pickle.loads(pickle.dumps(table))
    assert again.digest == table.digest
    assert again.bind().ops["nn.conv2d"][0].test(conv2d(groups=2)) is not None
