"""The log of the service: text or JSON lines, from a level on."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.serving import started

from service.log import JsonFormatter, configure_log


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """The logger of the service, as it was afterwards."""
    logger = logging.getLogger("zoetrope")
    before = logger.level, logger.handlers, logger.propagate
    yield logger
    logger.setLevel(before[0])
    logger.handlers, logger.propagate = before[1:]


def test_a_message_is_one_line_of_json_with_its_stack():
    try:
        raise ValueError("no\nluck")
    except ValueError:
        record = logging.LogRecord("zoetrope", logging.ERROR, __file__, 1, "%s é failed", ("a\nb",), sys.exc_info())
    line = JsonFormatter().format(record)

    assert "\n" not in line
    found = json.loads(line)
    assert (found["level"], found["message"]) == ("error", "a\nb é failed")
    assert found["time"].endswith("+00:00")
    assert "ValueError: no\nluck" in found["stack"]


def test_what_is_below_the_level_is_not_logged(log: logging.Logger, capsys: pytest.CaptureFixture[str]):
    configure_log("json", "warning")
    log.info("quiet")
    log.warning("loud")

    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["loud"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_log_that_cannot_be_written_harms_no_one(log: logging.Logger, monkeypatch: pytest.MonkeyPatch, kind: str):
    full = open("/dev/full", "w", buffering=1)  # noqa: SIM115  # to close it fails too
    monkeypatch.setattr(sys, "stderr", full)
    configure_log(kind, "info")
    log.error("a line")
    with suppress(OSError):
        full.close()


def test_a_service_logs_json_where_it_is_asked_to(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_LOG="json") as server:
        server.wait_for("/readyz")
        lines = [json.loads(line) for line in server.log.splitlines()]  # those of BentoML, too

    messages = [line["message"] for line in lines if line["level"] == "info"]
    assert any(message.startswith("grey ") and "is loaded in" in message for message in messages)
    assert "ready: every model can draw" in messages
    assert any("Starting production HTTP BentoServer" in message for message in messages)
