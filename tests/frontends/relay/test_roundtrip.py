"""Relax written as Relay text and imported is the same module again, for each op that Relay has too."""

import pytest
from tvm import ir, relax

from byoc.frontends import Model
from byoc.frontends.relay.module import convert_text
from byoc.frontends.relay.ops import OPERATORS
from byoc.relay.names import NAMES
from tests.frontends.relay.canonical import difference
from tests.frontends.relay.catalogue import Case, cases
from tests.frontends.relay.printer import NoRelayFormError, Style, print_module
from tests.frontends.relay.printer.signatures import REQUIRED, SIGNATURES
from tests.frontends.relay.printer.spelling import SPELLINGS

CASES = list(cases())
STYLES = (Style(), Style(types=True, spans=True, defaults=True), Style(idioms=False))


def names(found: list[Case]) -> list[str]:
    return [f"{index}-{case.op}" for index, case in enumerate(found)]


def imported(model: Model, style: Style) -> Model:
    text = print_module(model.module, style).text
    found = convert_text(text, {}, {}, {}, "m.relay")
    relax.analysis.well_formed(found.module)
    return found


SAME = [case for case in CASES if not case.otherwise]
OTHERWISE = [case for case in CASES if case.otherwise]


@pytest.mark.parametrize("case", SAME, ids=names(SAME))
def test_a_module_comes_back_as_it_was(case: Case) -> None:
    model = case.model()
    for style in STYLES:
        assert difference(imported(model, style).module, model.module) == "", style


@pytest.mark.parametrize("case", OTHERWISE, ids=names(OTHERWISE))
def test_a_module_that_relay_writes_otherwise_computes_the_same(case: Case) -> None:
    model = case.model()
    found = imported(model, Style())
    assert difference(found.module, model.module) != "", "it need not be marked"
    case.computes_as(found)


def test_every_spelling_has_a_case() -> None:
    assert {case.op for case in CASES} == set(SPELLINGS) - {"nn.dropout"}, "a dropout is dropped"


def test_the_names_that_models_and_pattern_tables_share_are_all_spelled() -> None:
    spelled = set(SPELLINGS)
    assert {row.relax for row in NAMES.values()} - spelled == {"round"}, (
        "halves go to the even number in Relax, away from zero in Relay"
    )


def test_the_printer_and_the_importer_know_the_same_attributes() -> None:
    """Each is written down on its own; a default is left out of the text, so both have to mean the same by it."""
    differ = set()
    for name, attributes in SIGNATURES.items():
        defaults = OPERATORS[name].defaults
        for attribute, default in attributes.items():
            if default is not REQUIRED and defaults[attribute] != default:
                differ.add(f"{name}.{attribute}")
    # Absent, these say what others say: all sizes, and no axis, which Relay itself does not run.
    expected = {f"nn.adaptive_avg_pool{rank}d.output_size" for rank in (1, 2, 3)} | {"repeat.axis"}
    assert differ - {"nn.matmul.transpose_b", "nn.batch_matmul.transpose_b"} == expected


def test_an_op_that_relay_lacks_is_refused_by_the_printer() -> None:
    case = Case("nonzero", ((3, 4),), relax.op.nonzero)
    with pytest.raises(NoRelayFormError, match="the op nonzero"):
        print_module(case.model().module)


ELSEWHERE = {
    "Relay has no operator for it; its frontends write several": """
        atan2 bucketize ewise_fma eye eye_like flatten hamming_window index_put log_add_exp median
        multinomial_from_uniform nn.attention nn.attention_bias nn.attention_var_len nn.batch_flatten nn.gelu
        nn.gelu_tanh nn.pixel_shuffle nn.rms_norm nn.selu nn.silu nn.softplus outer slice_scatter square std
        layout_transform""",
    "Relay's operator of that name gives something else": """
        round unique nonzero vision.all_class_non_max_suppression vision.multibox_transform_loc""",
    "a shape that only running tells": """
        dynamic_strided_slice shape_of shape_to_tensor size tensor_to_shape to_vdevice hint_on_device wrap_param
        null_value""",
    "for training": """
        collapse_sum_like collapse_sum_to nn.cross_entropy_with_logits nn.nll_loss""",
    "no computation on tensors": """
        assert_op call_builtin_with_ctx call_dps_packed call_inplace_packed call_pure_packed call_py_func call_tir
        call_tir_inplace call_tir_with_grad invoke_closure invoke_pure_closure make_closure print""",
}
ROOMS = ("builtin.", "ccl.", "dist.", "grad.", "inspect.", "memory.", "vm.")
"""Ops of Relax's own machinery."""


def test_every_op_of_relax_is_spelled_or_has_a_reason_not_to_be() -> None:
    listed = {name for names in ELSEWHERE.values() for name in names.split()}
    ops = {
        name.removeprefix("relax.") for name in ir.Op.list_op_names() if name.startswith("relax.")
    }
    rest = {name for name in ops if not name.startswith(ROOMS)}
    assert rest == listed | set(SPELLINGS)
    assert not listed & set(SPELLINGS)
