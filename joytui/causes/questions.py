"""The questions that tell causes apart: what to ask the user for. Each reads on after “Ask for”."""

from __future__ import annotations

from typing import Final

DOCTOR: Final = "the output of `joytui doctor --json` on that machine"
CONFIG: Final = "config.toml, and the output of `joytui codex config`"
PROXY: Final = f"{DOCTOR} (it tries each step from the proxy to TLS); without joytui: `env | grep -i proxy`, and the line base_url = …"
KEY: Final = (
    "`echo ${#JOY_TOKEN_API_KEY}` (the key's length, not the key) in the terminal where Codex runs, "
    "and whether ~/.codex/.env exists"
)
LOG: Final = "the request id that Codex prints at the end of the message, or when it failed (date, time, time zone)"
"""What we need to find a request in the gateway's own log."""
IN_LOG: Final = (LOG,)
"""The questions that a request id in the ticket answers."""


def in_log(request: str) -> str:
    """What is asked for instead, of nobody but the gateway's own log."""
    return f"what the gateway's log says about request {request}"


NAMED_LINE: Final = "the named line"
WHOLE_MESSAGE: Final = "the whole message"
END_MISSING: Final = "the whole message (its end is missing)"
ENV_KEY_LINE: Final = "the line env_key = … of config.toml"
BASE_URL_LINE: Final = "the line base_url = …"
PROVIDER_TABLE: Final = "the provider's table"
PROXY_VARIABLES: Final = "the output of `env | grep -i proxy`"
HOW_STARTED: Final = f"{CONFIG}, and how codex is started"
POLICY: Final = "the whole message, the line model = …, and from which network it was sent"
RETRIES: Final = "the output of `codex exec --json`: its retry lines give the reason"
