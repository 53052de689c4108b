"""The printer of these tests writes what TVM 0.16 wrote."""

import re
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from byoc.frontends import import_model
from byoc.testing import zoo
from tests.conftest import ROOT
from tests.frontends.relay.printer import print_module

DATA = ROOT / "tests" / "data" / "relay"
_COMMENT = re.compile(r"\s*/\*.*?\*/")
_CALL = re.compile(r"^\s*(?:%\d+ = )?([a-z][\w.]*)\((.*)\)[;\s]*$")


def operators(text: str) -> list[str]:
    """Each call of an operator in order, its operands as `%` and its attributes as they are written."""
    calls = []
    for line in _COMMENT.sub("", text).splitlines():
        found = _CALL.match(line)
        if found:
            calls.append(f"{found[1]}({re.sub(r'%[^,)]+', '%', found[2])})")
    return calls


def through(name: str, folder: Path) -> tuple[str, str]:
    """A text of TVM's, and that text imported and written again."""
    path = folder / "squeezenet.npz"
    weights = zoo.load("squeezenet").graph.initializer
    np.savez(path, **{each.name: numpy_helper.to_array(each) for each in weights})
    model = import_model(DATA / name, params=path)
    printed = print_module(model.module, as_params=True).text
    return (DATA / name).read_text("utf-8"), printed


def test_a_network_is_written_as_tvm_wrote_it(tmp_path: Path) -> None:
    theirs, ours = through("squeezenet.relay", tmp_path)
    assert len(operators(theirs)) > 80
    # A dropout is no operator in byoc: what it is given is what it gives.
    assert operators(ours) == [each for each in operators(theirs) if each != "nn.dropout(%)"]


def test_a_partitioned_network_is_written_as_tvm_wrote_it(tmp_path: Path) -> None:
    theirs, ours = (
        text[text.index("def @tvmgen") :]
        for text in through("squeezenet_partitioned.relay", tmp_path)
    )
    assert operators(ours) == operators(theirs)
    functions = [re.findall(r'Compiler=.*?global_symbol="\w+"', text) for text in (ours, theirs)]
    assert functions[0] == [each.replace(", Inline=1", "") for each in functions[1]]
