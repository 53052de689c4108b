"""Relax written as Relay text and imported is the same module again, for each op that Relay has too."""

import numpy as np
import pytest
from tvm import relax

from byoc.frontends import Model
from byoc.frontends.relay.module import convert_text
from byoc.frontends.relay.ops import OPERATORS
from byoc.relay.names import NAMES
from byoc.testing.run import run_model
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
    rng = np.random.default_rng(0)
    given = {
        f"x{index}": rng.integers(0, 2, shape).astype(dtype)
        if "int" in dtype
        else rng.normal(size=shape).astype(dtype)
        for index, (shape, dtype) in enumerate(case.types())
    }
    for ours, theirs in zip(run_model(found, given), run_model(model, given), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


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
