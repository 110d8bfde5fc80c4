"""The gateway's own log on stderr: one line an event, through the one redaction, never a body, never a key."""

from __future__ import annotations

import json
import logging
import sys

from joytui.core.clock import now, rfc3339
from joytui.core.redaction import Redactor, visible


class Redacted(logging.Formatter):
    """One JSON line: time, level, logger, what; a traceback only for a fault of ours."""

    def __init__(self) -> None:
        super().__init__()
        self._redactor = Redactor()

    def format(self, record: logging.LogRecord) -> str:
        data = {"time": rfc3339(now()), "level": record.levelname.lower(), "logger": record.name}
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            data.update(fields)
        else:
            data["message"] = record.getMessage()
        if record.exc_info:
            data["trace"] = self.formatException(record.exc_info)
        return json.dumps(
            {k: visible(self._redactor.text(v)) if isinstance(v, str) else v for k, v in data.items()},
            ensure_ascii=False,
        )


def set_up_logging(*, access: bool) -> None:
    """Takes over the root logger of this process. Libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacted())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("httpx", "httpcore", "aiohttp", "asyncio", "uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("joytui").setLevel(logging.INFO)
    logging.getLogger("joytui.access").setLevel(logging.INFO if access else logging.WARNING)
