"""The description of this machine."""

import json
import platform

from byoc.device import this_device


def test_it_is_json_and_the_same_every_time() -> None:
    first = this_device()
    assert first == this_device()
    assert json.loads(json.dumps(first)) == first
    assert first["machine"] == platform.machine()
    assert first["features"] == sorted(set(first["features"]))


def test_a_caller_may_change_what_it_got() -> None:
    this_device()["features"].append("warp")
    assert "warp" not in this_device()["features"]


def test_nothing_in_it_identifies_one_machine() -> None:
    assert set(this_device()) == {"machine", "cpu", "features", "system", "libc"}
    assert platform.node() not in this_device().values()
