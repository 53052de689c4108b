"""Every model of the zoo, partitioned for the npu as a user would: verified, explained, deterministic."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from byoc.errors import UsageError
from byoc.testing import zoo
from tests.conftest import Run

NAMES = zoo.names()
SMALL = "squeezenet"


def without_times(report: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in report.items() if key != "seconds"})


@pytest.mark.parametrize("name", NAMES)
def test_a_zoo_model_is_partitioned(byoc: Run, tmp_path: Path, name: str) -> None:
    try:
        zoo.describe(name)
    except UsageError as error:
        pytest.skip(str(error))
    runs = [
        byoc("partition", "--vendor", "npu", f"zoo:{name}", "--format", "json", "-o", f"out{i}")
        for i in range(2)
    ]
    if "pip install" in runs[0].stderr:
        pytest.skip(runs[0].stderr.strip())
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    report, again = (json.loads(run.stdout) for run in runs)
    schema = json.loads((files("byoc.report") / "schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)
    assert report["verified"] is True
    assert report["ops"]["total"] == report["ops"]["offloaded"] + report["ops"]["host"]
    assert len(report["host"]) == report["ops"]["host"]
    for op in report["host"]:
        assert {refusal["vendor"] for refusal in op["refusals"]} == {"npu"}, op
    assert without_times(report) == without_times(again)
    for path in sorted((tmp_path / "out0").rglob("*")):
        if path.is_file():
            other = tmp_path / "out1" / path.relative_to(tmp_path / "out0")
            assert path.read_bytes() == other.read_bytes(), path.name


def test_two_vendors_share_a_model(byoc: Run, mychip: Path) -> None:
    both = byoc(
        "partition",
        *("--vendor", "mychip", "--vendor", "npu"),
        *(f"zoo:{SMALL}", "--format", "json"),
        path=(mychip,),
    )
    assert both.returncode == 0, both.stderr
    report = json.loads(both.stdout)
    assert {segment["vendor"] for segment in report["segments"]} == {"mychip", "npu"}
    for op in report["host"]:
        assert {refusal["vendor"] for refusal in op["refusals"]} == {"mychip", "npu"}
