"""docs/export.md lists the table of emitters; set BYOC_UPDATE_DOCS=1 to write it again."""

from __future__ import annotations

import os
from pathlib import Path

import onnx

from byoc.codegen.export import DEFAULT_OPSET, EMITTERS, OLDEST_OPSET
from byoc.support.ops import known_ops

PAGE = Path(__file__).parents[3] / "docs" / "export.md"


def table() -> str:
    rows = [
        f"| `{name}` | {', '.join(f'`{op}`' for op in emitter.ops)} |"
        for name, emitter in EMITTERS.items()
    ]
    return "\n".join(["| Relax | ONNX |", "|---|---|", *rows]) + "\n"


def test_the_page_has_the_table():
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("BYOC_UPDATE_DOCS"):
        text = text[: text.find("| Relax | ONNX |")] if "| Relax | ONNX |" in text else text
        PAGE.write_text(text + table(), encoding="utf-8")
        return
    assert text.endswith(table())


def test_the_page_names_the_opsets():
    text = PAGE.read_text(encoding="utf-8")
    assert f"byoc writes opset {OLDEST_OPSET} and later" in text
    assert f"**{DEFAULT_OPSET}**" in text


def test_the_table_names_operators_that_there_are():
    for name, emitter in EMITTERS.items():
        assert name in known_ops()
        assert all(onnx.defs.has(op) for op in emitter.ops), name
