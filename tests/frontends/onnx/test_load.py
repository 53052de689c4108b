"""Loading: what cannot be read says why."""

from __future__ import annotations

import onnx
import pytest

from byoc.errors import ByocError, ModelError
from byoc.frontends import import_model
from tests.frontends.models import add_weight, parse

RELU = "g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }"


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match=r"no\.onnx: no such file"):
        import_model(tmp_path / "no.onnx")


def test_a_directory(tmp_path):
    with pytest.raises(ModelError, match="is a directory"):
        import_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello, world", b"PK\x03\x04" + bytes(64)])
def test_not_onnx(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not an ONNX model"):
        import_model(path)


def test_truncated(tmp_path):
    path = tmp_path / "m.onnx"
    data = add_weight(parse(RELU), "w", [1.0] * 100).SerializeToString()
    for length in (len(data) // 3, len(data) // 2, len(data) - 3):
        path.write_bytes(data[:length])
        with pytest.raises(ModelError):
            import_model(path)


def test_an_opset_newer_than_the_package():
    model = parse(RELU)
    model.opset_import[0].version = onnx.defs.onnx_opset_version() + 1
    with pytest.raises(ModelError, match="Install a newer onnx package"):
        import_model(model)


def test_an_opset_before_the_oldest():
    with pytest.raises(ModelError, match="reads opsets 7 to"):
        import_model(parse(RELU, opset=6))


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 15, 18, 21, onnx.defs.onnx_opset_version()])
def test_every_opset_from_7_on(opset):
    assert import_model(parse(RELU, opset=opset)).module["main"] is not None


def test_an_unknown_zoo_name_is_answered_with_the_nearest():
    with pytest.raises(ByocError, match="resnet50"):
        import_model("zoo:resnet5")


def test_a_value_that_nothing_makes():
    model = parse(RELU)
    model.graph.node[0].input[0] = "elsewhere"
    with pytest.raises(ModelError, match="'elsewhere'"):
        import_model(model)


def test_an_output_that_nothing_makes():
    model = parse(RELU)
    model.graph.output[0].name = "z"
    with pytest.raises(ModelError, match="no node makes output 'z'"):
        import_model(model)


def test_the_given_proto_stays_as_it_is():
    model = parse(RELU)
    before = model.SerializeToString(deterministic=True)
    import_model(model)
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("kind", ["string[2]", "seq(float[2])", "optional(float[2])"])
def test_inputs_that_are_no_tensors_of_numbers(kind):
    model = parse(f"g ({kind} x) => (float[2] y) {{ y = Identity(x) }}")
    with pytest.raises(ModelError, match="input 'x' is a"):
        import_model(model)


def test_outputs_that_are_no_tensors_of_numbers():
    model = parse("g (float[2] x) => (seq(float[2]) y) { y = SequenceConstruct(x, x) }")
    with pytest.raises(ModelError, match="'y' is a seq"):
        import_model(model)
