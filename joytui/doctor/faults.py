"""What a probe found wrong, on its way from the place that met it to the place that words the verdict.

NetFault     the request got no answer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NetFault(Exception):
    """`cause` is an id of joytui.causes, `where` a host or URL. `timed_out`: Codex would wait on, so nothing is decided."""

    def __init__(
        self,
        cause: str,
        summary: str,
        where: str,
        details: Mapping[str, Any] | None = None,
        *,
        timed_out: bool = False,
    ) -> None:
        super().__init__(summary)
        self.cause = cause
        self.summary = summary
        self.where = where
        self.details = dict(details or {})
        self.timed_out = timed_out
