"""The gateway's own log on stderr: one line an event, through the one redaction, never a body, never a key.

In the background stderr is `gateway.log`, which is put aside when it is full (`client.background_log`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterable
from pathlib import Path

from joytui.client.background_log import renew
from joytui.core.clock import now, rfc3339
from joytui.core.redaction import Redactor, escaped_json, visible


class Redacted(logging.Formatter):
    """One JSON line: time, level, logger, what; a traceback only for a fault of ours. `secrets`: masked verbatim."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._redactor = Redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        data = {"time": rfc3339(now()), "level": record.levelname.lower(), "logger": record.name}
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            data.update(fields)
        else:
            data["message"] = record.getMessage()
        if record.exc_info:
            data["trace"] = self.formatException(record.exc_info)
        shown = {k: visible(self._redactor.text(v)) if isinstance(v, str) else v for k, v in data.items()}
        return escaped_json(json.dumps(shown, ensure_ascii=False))


class Stderr(logging.StreamHandler):  # type: ignore[type-arg]
    """stderr, looked at after every `EVERY` lines: where it is the background gateway's log, that has a bound."""

    EVERY = 100

    def __init__(self, log: Path | None) -> None:
        super().__init__(sys.stderr)
        self._log = log
        self._lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        self._lines += 1
        if self._log is not None and self._lines % self.EVERY == 0:
            with contextlib.suppress(OSError, ValueError):  # a stderr that is not a file at all
                renew(self._log, sys.stderr.fileno())


def set_up_logging(*, access: bool, log: Path | None = None, secrets: Iterable[str] = ()) -> None:
    """Takes over the root logger of this process. Libraries speak from WARNING on.

    `log`: the file that stderr is where the gateway runs in the background. `secrets`: what no line may ever show.
    """
    handler = Stderr(log)
    handler.setFormatter(Redacted(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("httpx", "httpcore", "aiohttp", "asyncio", "uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("joytui").setLevel(logging.INFO)
    logging.getLogger("joytui.access").setLevel(logging.INFO if access else logging.WARNING)
