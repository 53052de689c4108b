import subprocess
import sys

import pytest

from byoc.support.ops import is_foreign, known_ops

from .generate_ops import OPS_JSON, generate


def test_the_file_is_what_the_installed_tvm_and_onnx_say() -> None:
    assert OPS_JSON.read_text(encoding="utf-8") == generate(), (
        "run: python -m tests.support.generate_ops"
    )


def test_relax_ops_have_their_argument_names_and_attributes() -> None:
    conv = known_ops()["nn.conv2d"]
    assert conv.inputs == ("data", "weight")
    assert {"strides", "padding", "dilation", "groups", "data_layout"} <= set(conv.attrs)
    clip = known_ops()["clip"]
    assert (clip.inputs, clip.attrs, clip.arguments) == (
        ("x",),
        ("min", "max"),
        ("x", "min", "max"),
    )
    assert known_ops()["concat"].tuples == {"tensors"}


@pytest.mark.parametrize(
    ("op", "attr"), [("sum", "axis"), ("argmax", "keepdims"), ("matmul", "out_dtype")]
)
def test_attributes_that_the_registry_leaves_out_are_known(op: str, attr: str) -> None:
    assert attr in known_ops()[op].attrs


def test_operands_that_the_registry_leaves_out_are_known() -> None:
    assert known_ops()["strided_slice"].arguments == ("x", "axes", "begin", "end", "strides")


def test_onnx_operators_are_known_by_their_schema() -> None:
    lstm = known_ops()["onnx.LSTM"]
    assert lstm.inputs[:4] == ("X", "W", "R", "B")
    assert "direction" in lstm.attrs
    assert known_ops()["onnx.Concat"].tuples == {"inputs"}
    assert "ai.onnx.ml.Normalizer" in known_ops()


def test_only_operators_of_other_domains_are_foreign() -> None:
    assert is_foreign("com.microsoft.FusedConv")
    assert not is_foreign("onnx.LSTN")
    assert not is_foreign("nn.conv2d")
    assert not is_foreign("nn.conv2")
    assert not is_foreign("ai.onnx.ml.Normalizer")


def test_loading_imports_neither_tvm_nor_onnx() -> None:
    code = (
        "import sys; from byoc.support.ops import known_ops; known_ops();"
        "sys.exit(bool({'tvm', 'onnx', 'numpy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
