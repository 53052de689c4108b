"""Real worker processes that really crash, hang and raise."""

import os
import signal
import time

import pytest

from byoc.isolation import Failure, Worker

GUILTY = 3


def well(items: list[int]) -> list[int]:
    print("noise on standard output", flush=True)
    return [item * 2 for item in items]


def crash(items: list[int]) -> list[int]:
    if GUILTY in items:
        print("unit 7 failed", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    return items


def leave(items: list[int]) -> list[int]:
    if GUILTY in items:
        os._exit(0)
    return items


def hang(items: list[int]) -> list[int]:
    if GUILTY in items:
        time.sleep(3600)
    return items


def deny(items: list[int]) -> list[int]:
    if GUILTY in items:
        raise ValueError("no licence")
    return items


def forget(items: list[int]) -> list[int]:
    return items[:-1] if GUILTY in items else items


def babble(items: list[int]) -> str:
    return "x" * len(items)


def always_crash(items: list[int]) -> list[int]:
    os.abort()


def test_answers_come_back_and_output_stays_out(capfd: pytest.CaptureFixture[str]) -> None:
    with Worker(well) as worker:
        assert worker.ask([1, 2, 3]) == [2, 4, 6]
        assert worker.ask([]) == []
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (crash, ["died", "SIGSEGV", "unit 7 failed"]),
        (leave, ["died", "EXIT(0)"]),
        (hang, ["no answer within 3 s"]),
        (deny, ["raised ValueError: no licence"]),
        (forget, ["expected a sequence of 1"]),
    ],
)
def test_only_the_guilty_item_fails(function: object, words: list[str]) -> None:
    with Worker(function, timeout=3) as worker:  # type: ignore[arg-type]
        answers = worker.ask([1, 2, GUILTY, 4, 5])
    assert [answers[i] for i in (0, 1, 3, 4)] == [1, 2, 4, 5]
    assert isinstance(answers[2], Failure)
    for word in words:
        assert word in answers[2].words


def test_text_is_no_sequence_of_answers() -> None:
    with Worker(babble) as worker:
        assert all(isinstance(each, Failure) for each in worker.ask([1, 2]))


def test_patience_ends() -> None:
    with Worker(always_crash, patience=2) as worker:
        answers = worker.ask(list(range(64)))
    assert len(answers) == 64
    assert all(isinstance(each, Failure) for each in answers)
