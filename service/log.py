"""What the service prints of itself: one line a message, as text or as JSON.

    every module logs to "zoetrope" -> [log] -> stderr

BentoML's configuration of the root logger hides what is below a warning, so the
logger gets a level of its own; its JSON lines get a handler of their own. As JSON
the lines of BentoML are JSON too; the stacks of a process that hangs stay text,
because no Python runs there.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
LOGGER = "zoetrope"


_OF_OTHERS = ("", "bentoml", "circus", "uvicorn", "uvicorn.error")
"""Loggers of the libraries around us that have handlers of their own; the first is the root."""


class JsonFormatter(logging.Formatter):
    """A message as one line of JSON: time, level, message, and the stack where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Called by logging."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_log(log_format: LogFormat, level: LogLevel) -> None:
    """Print what this service logs from a level on; called by the worker and by its parent, once."""
    log = logging.getLogger(LOGGER)
    log.disabled = False  # BentoML's configuration disables loggers that were there before it
    if logging.getLogger().level <= logging.WARNING:  # else `bentoml serve --quiet`
        log.setLevel(level.upper())
    if log_format == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter())
        log.handlers, log.propagate = [handler], False
        for name in _OF_OTHERS:
            for other in logging.getLogger(name).handlers:
                other.setFormatter(JsonFormatter())
