"""What each part of Relay's text becomes, and where errors say that it is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from tvm import relax

from byoc.errors import ModelError
from byoc.frontends.model import Model
from byoc.frontends.relay.module import convert_text
from byoc.testing.run import run_model

X = np.array([[-1.0, 2.0, -3.0]], np.float32)


def model(text: str) -> Model:
    return convert_text(f'#[version = "0.0.5"]\n{text}', {}, {}, {}, "m.relay")


def run(body: str, params: str = "%x: Tensor[(1, 3), float32]") -> list[np.ndarray]:
    made = model(f"def @main({params}) {{\n{body}\n}}")
    relax.analysis.well_formed(made.module)
    return run_model(made, {"x": X})


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("nn.relu(%x)", [np.maximum(X, 0)]),
        (
            "%0 = nn.relu(%x); %1 = exp(%0); add(%0, %1)",
            [np.maximum(X, 0) + np.exp(np.maximum(X, 0))],
        ),
        ("let %y: Tensor[(1, 3), float32] = negative(%x); %y", [-X]),
        ("%0 = (%x, nn.relu(%x)); %0.1", [np.maximum(X, 0)]),
        ("(%x, negative(%x))", [X, -X]),
        ("%0 = split(%x, indices_or_sections=[1], axis=1); %0.1", [X[:, 1:]]),
        ("if (True) { nn.relu(%x) } else { negative(%x) }", [np.maximum(X, 0)]),
        ("if (False) { %x } else { %0 = negative(%x); add(%0, %0) }", [-2 * X]),
        ("%0 = fn (%a: Tensor[(1, 3), float32]) { negative(%a) }; %0(%0(%x))", [X]),
        ("%x + %x * 2f - 1f", [X + X * 2 - 1]),
        ("reshape(%x, newshape=[-1, 1])", [X.reshape(-1, 1)]),
        ("(\n  let %y = negative(%x);\n  %y\n)", [-X]),
        ("%x /* a comment */ // another", [X]),
    ],
)
def test_a_form_computes(body: str, wanted: list[np.ndarray]) -> None:
    for found, each in zip(run(body), wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-6)


def test_functions_of_the_module_are_called_whatever_their_order() -> None:
    made = model(
        "def @main(%x: Tensor[(1, 3), float32]) { @twice(%x) }\n"
        "def @twice(%a: Tensor[(1, 3), float32]) { add(%a, %a) }"
    )
    np.testing.assert_allclose(run_model(made, {"x": X})[0], 2 * X)


def test_a_composite_is_a_local_function() -> None:
    made = model(
        "def @main(%x: Tensor[(1, 3), float32]) { @npu_0(%x) }\n"
        'def @npu_0(%a: Tensor[(1, 3), float32], Compiler="npu", Primitive=1, global_symbol="npu_0") {\n'
        '  %0 = fn (%b: Tensor[(1, 3), float32], PartitionedFromPattern="nn.relu_", Composite="npu.relu") {\n'
        "    nn.relu(%b)\n  };\n  %0(%a)\n}"
    )
    relax.analysis.well_formed(made.module)
    segment = made.module["npu_0"]
    assert segment.attrs["Codegen"] == "npu"
    local = segment.body.blocks[0].bindings[0].value
    assert local.attrs["Composite"] == "npu.relu"
    lifted = replace(made, module=relax.transform.LambdaLift()(made.module))
    np.testing.assert_allclose(run_model(lifted, {"x": X})[0], np.maximum(X, 0))


def test_a_fused_function_is_inlined_and_comes_from_its_call_or_its_spans() -> None:
    made = model(
        "def @main(%x: Tensor[(1, 3), float32]) {\n"
        "  %2 = fn (%p0: Tensor[(1, 3), float32], Primitive=1) -> Tensor[(1, 3), float32] {\n"
        "    %0 = negative(%p0);\n    %1 = exp(%0) /* span=inner:0:0 */;\n    nn.relu(%1)\n  };\n"
        "  %3 = %2(%x) /* span=fused:0:0 */;\n  %4 = %2(%3);\n  abs(%4)\n}"
    )
    calls = [
        (binding.value.op.name, made.origins["main"][binding.var.name])
        for binding in made.module["main"].body.blocks[0].bindings
        if hasattr(binding.value, "op")
    ]
    assert calls == [
        ("relax.negative", ("fused",)),
        ("relax.exp", ("inner",)),
        ("relax.nn.relu", ("fused",)),
        ("relax.negative", ("%4",)),
        ("relax.exp", ("inner",)),
        ("relax.nn.relu", ("%4",)),
        ("relax.abs", ()),
    ]


def test_a_function_reads_names_where_it_is_written() -> None:
    (found,) = run(
        "let %y = negative(%x);\nlet %f = fn (%a: Tensor[(1, 3), float32]) { add(%a, %y) };\n"
        "let %y = exp(%x);\n%f(%x)"
    )
    np.testing.assert_array_equal(found, X - X)


def test_an_unknown_dimension_is_bound_by_its_shape() -> None:
    text = "def @main(%x: Tensor[(?, 3), float32]) { nn.relu(%x) }"
    assert not isinstance(convert_text(text, {}, {}, {}, "m").module["main"].ret_ty.shape[0], int)
    bound = convert_text(text, {}, {"x": (1, 3)}, {}, "m")
    np.testing.assert_allclose(run_model(bound, {"x": X})[0], np.maximum(X, 0))


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("nn.rellu(%x)", "3:1", "no form for the operator nn.rellu; did you mean"),
        ("nn.relu(%y)", "3:9", "%y is not bound here"),
        ("nn.relu(%x, %x)", "3:1", "takes 1 arguments; it is given 2"),
        ("nn.softmax(%x, axes=1)", "3:1", "no attribute axes"),
        ("nn.relu(%x", "4:1", "unexpected '}'"),
        ("%0 = %x.3; %0", "3:6", "no tuple"),
        ("reshape(%x, newshape=[7, 7])", "3:1", "no form in Relax here"),
        ("match (%x) { }", "3:1", "have no form in Relax"),
        ("add(%x, 300i8)", "3:9", "300i8 does not fit int8"),
        ("add(%x, meta[relay.Constant][0])", "3:9", "no constant of the metadata section"),
        ("@other(%x)", "3:1", "no function @other"),
        ("@main(%x)", "3:1", "calls itself"),
        ("ref(%x", "3:1", "have no form in Relax"),
        ("", "3:1", "unexpected"),
    ],
)
def test_an_error_has_its_place(body: str, place: str, words: str) -> None:
    with pytest.raises(ModelError) as error:
        run(body)
    assert str(error.value).startswith(f"m.relay:{place}: ") or words == "unexpected", error.value
    assert words in str(error.value)


def test_text_that_ends_too_early_says_where() -> None:
    with pytest.raises(ModelError, match=r"m.relay:2:\d+: the text ends too early"):
        model("def @main(%x: Tensor[(1), float32]) { nn.relu(")


def test_metadata_that_is_no_json_has_its_place() -> None:
    with pytest.raises(ModelError, match=r"m.relay:4:8: the metadata section is no JSON"):
        model('def @main() { 1f }\n#[metadata]\n{"root"')
