"""What a vendor's checks may answer, and what becomes of other answers."""

import numpy as np
import pytest

import byoc
from byoc.verdicts import region_verdicts, row_verdict

NO = byoc.Refusal("check", "too long a queue")


def test_refusals_and_none_pass_unchanged() -> None:
    assert region_verdicts("c", [None, NO], 2) == [None, NO]
    assert region_verdicts("c", (NO,), 1) == [NO]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([None] * 3, "gave 3 answers about 2 regions"),
        (NO, "answered Refusal("),
        ("no", "answered 'no' of type str"),
        ((each for each in ()), "of type generator"),
        (None, "answered None of type NoneType"),
    ],
)
def test_an_answer_of_another_form_refuses_every_region(given: object, words: str) -> None:
    verdicts = region_verdicts("byoc_check of acme (acme 1.0)", given, 2)
    assert len(verdicts) == 2
    for each in verdicts:
        assert each is not None
        assert each.code == "check"
        assert each.message.startswith("byoc_check of acme (acme 1.0) ")
        assert words in each.message
        assert "expected a list of one byoc.Refusal or None for each region" in each.message


@pytest.mark.parametrize("given", [True, False, "no", 0])
def test_one_wrong_answer_refuses_its_region_alone(given: object) -> None:
    first, second = region_verdicts("c", [given, None], 2)
    assert second is None
    assert first is not None
    assert first.message == (
        f"c answered {given!r} of type {type(given).__name__}; expected a byoc.Refusal or None"
    )


def test_a_code_that_is_none_becomes_check_and_keeps_the_words() -> None:
    (verdict,) = region_verdicts("c", [byoc.Refusal("dtypes", "no bfloat16")], 1)
    assert verdict is not None
    assert verdict.code == "check"
    assert verdict.message == (
        "c refused with the code 'dtypes', which is none; did you mean 'dtype'? "
        "(a vendor's own is 'check'): no bfloat16"
    )


@pytest.mark.parametrize("given", [None, True, np.bool_(True)])
def test_a_row_check_accepts(given: object) -> None:
    assert row_verdict("w", given) is None


@pytest.mark.parametrize("given", [False, np.bool_(False)])
def test_a_row_check_refuses(given: object) -> None:
    assert row_verdict("w", given) == byoc.Refusal("check", "w refuses it")


def test_a_row_check_that_answers_something_else_is_no_consent() -> None:
    assert row_verdict("w", NO) is NO
    said = row_verdict("w", "yes")
    assert said is not None
    assert said.message == "w answered 'yes' of type str; expected true, false or a byoc.Refusal"
