import re
from pathlib import Path

import pytest

from byoc.support import load_table
from byoc.support.leaves import parse_dim
from byoc.support.operations import FUNCTIONS, QUANT_FIELDS, TENSOR_FIELDS
from byoc.support.schema import InputRule, PatternRow, Row, Segments, Table

from .build import HEAD, write

PAGE = (Path(__file__).parents[2] / "docs" / "support-table.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_loads(tmp_path: Path, number: int) -> None:
    write(tmp_path, EXAMPLES[0])
    text = EXAMPLES[number]
    path = write(tmp_path, text if "vendor:" in text else HEAD + text, "example.yaml")
    assert load_table(path).bind().digest


def _section(title: str) -> str:
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], flags=re.MULTILINE)[0]


def _keys(section: str) -> set[str]:
    return {
        key
        for cell in re.findall(r"^\| (`.*?) \|", section, re.M)
        for key in re.findall(r"`(\w+)`", cell)
    }


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        ("The table", set(Table.model_fields)),
        ("A row", set(Row.model_fields)),
        ("inputs", set(InputRule.model_fields)),
        ("Segments", set(Segments.model_fields)),
    ],
)
def test_every_key_is_documented(title: str, fields: set[str]) -> None:
    assert fields <= _keys(_section(title))


def test_the_keys_of_patterns_are_documented() -> None:
    own = set(PatternRow.model_fields) - set(Row.model_fields)
    assert own == {"match", "priority"}
    assert all(f"`{key}`" in _section("Patterns") for key in own)


def test_what_expressions_may_use_is_documented() -> None:
    section = _section("Expressions")
    for name in (*FUNCTIONS, *TENSOR_FIELDS, *QUANT_FIELDS):
        assert re.search(rf"\b{name}\b", section), name


def test_every_documented_dimension_parses() -> None:
    table = _section("inputs").split("An entry of `shape`:")[1]
    entries = re.findall(r"^\| (.*?) \|", table, re.M)
    texts = [text for entry in entries for text in re.findall(r'`"(.*?)"`', entry)]
    assert len(texts) >= 10
    for text in texts:
        parse_dim(text)
