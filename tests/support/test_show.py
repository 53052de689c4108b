import json
from pathlib import Path

import jsonschema

from byoc.support import BoundTable, show
from byoc.support.schema import json_schema

from .build import bound, conv2d

TABLE = """
description: Reference NPU
hardware: {sram: 512KiB, memory: {line: 64}}
defaults: {dtypes: [float32]}
ops:
  nn.relu: {description: on the vector unit}
  nn.conv2d:
  - qdq: true
    use: joined
    attrs: {groups: 1}
    when: [{holds: "max(weight.shape[2:]) <= 7", because: kernels of at most 7x7}]
  - use: fused
patterns:
  conv_relu: {match: "nn.relu(nn.conv2d(x, w:const))", priority: 3}
segments: {max_ops: 64}
"""


def table(folder: Path) -> BoundTable:
    return bound(folder, TABLE)


def test_text(tmp_path: Path) -> None:
    assert show.as_text(table(tmp_path)).splitlines() == [
        "npu: Reference NPU",
        "hardware: sram 524288, memory.line 64",
        "segments: max_ops 64",
        "",
        "3 op rows",
        "nn.relu    on the vector unit",
        "           dtypes float32",
        "nn.conv2d  only in a segment with other ops",
        "           also quantised (dequantize before, quantize after)",
        "           dtypes float32",
        "           groups: 1",
        "           kernels of at most 7x7 (max(weight.shape[2:]) <= 7)",
        "nn.conv2d  only inside a pattern",
        "           dtypes float32",
        "",
        "1 pattern row",
        "conv_relu  dtypes float32",
    ]


def test_text_fits_the_width(tmp_path: Path) -> None:
    lines = show.as_text(table(tmp_path), width=50).splitlines()
    assert max(map(len, lines)) <= 50


def test_markdown(tmp_path: Path) -> None:
    page = show.as_markdown(table(tmp_path))
    assert page.startswith("# npu\n\nReference NPU\n")
    assert "| `memory.line` | 64 |" in page
    assert "### nn.conv2d\n\nEither:\n\n- only in a segment with other ops\n" in page
    assert "- kernels of at most 7x7 (`max(weight.shape[2:]) <= 7`)" in page
    assert "```\nnn.relu(nn.conv2d(x, w:const))\n```" in page
    assert "\n\n\n\n" not in page


def test_json(tmp_path: Path) -> None:
    record = json.loads(show.as_json(table(tmp_path)))
    assert record["hardware"] == {"sram": 524288, "memory": {"line": 64}}
    first, second = record["ops"]["nn.conv2d"]
    assert first["rule"] == "support.yaml:10"
    assert first["constraints"][-1] == {
        "kind": "when",
        "takes": "max(weight.shape[2:]) <= 7",
        "because": "kernels of at most 7x7",
        "rule": "support.yaml:13",
    }
    assert (second["use"], second["qdq"]) == ("fused", False)
    assert record["patterns"][0]["match"] == "nn.relu(nn.conv2d(x, w:const))"


def test_the_page_says_what_a_refusal_says(tmp_path: Path) -> None:
    bound_table = table(tmp_path)
    page = show.as_markdown(bound_table)
    row = bound_table.ops["nn.conv2d"][0]
    for facts in (conv2d(weight=(4, 4, 9, 9)), conv2d(dtype="float16"), conv2d(groups=2)):
        refusal = row.test(facts)
        assert refusal is not None
        words = refusal.message.rpartition("takes ")[2]
        assert words in page


def test_the_json_schema_takes_good_tables_and_refuses_bad_ones(tmp_path: Path) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    good = {
        "vendor": "npu",
        "version": 1,
        "ops": {
            "nn.relu": {},
            "nn.conv2d": [
                {
                    "qdq": True,
                    "dtypes": ["float32", "(int8, int8) -> int8"],
                    "rank": {"max": 4},
                    "inputs": {
                        "data": {"layout": "NCHW", "shape": [1, "%16", "1..8", "*", "?"]},
                        "weight": {"bytes": {"max": "=hw.sram"}, "constant": True},
                    },
                    "attrs": {"groups": 1, "strides": {"each": [1, 2]}},
                    "when": ["groups == 1", {"if": "1 > 0", "holds": "2 > 1", "because": "so"}],
                }
            ],
        },
        "patterns": {"p": {"match": "nn.relu(x)", "priority": 1}},
        "segments": {"max_constant_bytes": "512KiB"},
    }
    assert list(check.iter_errors(good)) == []
    for bad in (
        {"vendor": "npu"},
        {**good, "opps": {}},
        {**good, "ops": {"nn.relu": {"rank": {"maks": 4}}}},
        {**good, "ops": {"nn.relu": {"dtypes": ["float3"]}}},
        {**good, "ops": {"nn.relu": {"inputs": {"x": {"shape": ["%x"]}}}}},
        {**good, "ops": {"nn.relu": None}},
        {**good, "patterns": {"p": {}}},
        {**good, "segments": {"max": "many"}},
    ):
        assert list(check.iter_errors(bad)), bad
