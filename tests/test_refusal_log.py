"""A flood of refusals is a line a second: each reason with its count; what is no refusal is not logged."""

import asyncio
import logging

import pytest

from service import refusal_log
from service.errors import Problem
from service.refusal_log import MOST_REASONS, RefusalLog

FULL = "{} pictures wait for the engine; 16384 may. Try again in {} s."


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> RefusalLog:
    log = RefusalLog()
    monkeypatch.setattr("service.errors.refusals", log)
    return log


def test_the_first_is_logged_at_once_and_a_flood_after_it_in_one_line_by_reason(
    log: RefusalLog, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(refusal_log, "INTERVAL_S", 60)

    async def flood() -> None:
        for waiting in range(3_000):
            Problem(503, FULL.format(16_384 + waiting, waiting)).response()
            if waiting % 1000 == 0:
                Problem(421, f"Host is 'evil{waiting}'; it must be one of localhost.").response()
        assert len(caplog.messages) == 1
        assert log._flush is not None, "it is told without another refusal"
        log._write()

    asyncio.run(flood())

    assert caplog.messages == [
        "refused: 503 16384 pictures wait for the engine; 16384 may. Try again in 0 s.",
        "refused: 3 x 421 Host is 'evil2000'; it must be one of localhost.; "
        "2,999 x 503 19383 pictures wait for the engine; 16384 may. Try again in 2999 s.",
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_what_one_second_left_is_told_by_the_next_refusal_where_no_event_loop_tells_it(
    log: RefusalLog, caplog: pytest.LogCaptureFixture
):
    for _ in range(3):
        log.add(429, "Too many pictures.")
    assert caplog.messages == ["refused: 429 Too many pictures."]
    log._due_s = 0.0
    log.add(401, "A key is needed.")

    assert caplog.messages[1:] == ["refused: 2 x 429 Too many pictures.; 401 A key is needed."]


def test_a_line_is_short_printable_and_names_a_bounded_number_of_reasons(
    log: RefusalLog, caplog: pytest.LogCaptureFixture
):
    log.add(403, "x")
    for number in range(1000):
        log.add(403, f"a\nb\x1b[31m {chr(ord('a') + number % 26)}" + "y" * 10_000)
    log._due_s = 0.0
    log.add(403, "x")
    line = caplog.messages[1]

    assert line.isprintable()
    assert line.count(" x 403 ") == MOST_REASONS
    assert line.endswith(" for other reasons")
    assert len(line) < 200 * (MOST_REASONS + 1)


@pytest.mark.usefixtures("log")
def test_a_mistake_of_a_client_is_no_refusal(caplog: pytest.LogCaptureFixture):
    for status in (400, 404, 405, 406, 409, 410, 422, 500):
        Problem(status, "words").response()

    assert caplog.messages == []
