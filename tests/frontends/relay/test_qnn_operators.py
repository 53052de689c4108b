"""Each quantised operator in its integer form gives what Relay computes, bit for bit, whatever its numbers are."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.frontends.relay.ops import OPERATORS
from tests.frontends.relay.qnn_cases import CASES, cases
from tests.frontends.relay.qnn_networks import hold

_SLOW_TO_DRAW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def _hold(name: str, data: st.DataObject) -> None:
    case = data.draw(cases(name))
    with tempfile.TemporaryDirectory() as folder:
        hold(case.text(), case.inputs, case.constants, Path(folder))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=4, deadline=None, suppress_health_check=_SLOW_TO_DRAW)
@given(data=st.data())
def test_an_operator_is_what_relay_computes(name: str, data: st.DataObject) -> None:
    _hold(name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=100, deadline=None, suppress_health_check=_SLOW_TO_DRAW)
@given(data=st.data())
def test_an_operator_is_what_relay_computes_at_length(name: str, data: st.DataObject) -> None:
    _hold(name, data)


def test_every_quantised_operator_has_a_case() -> None:
    assert {f"qnn.{name}" for name in CASES} == {
        name for name in OPERATORS if name.startswith("qnn.")
    }
