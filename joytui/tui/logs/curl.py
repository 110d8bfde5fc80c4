"""A request as a curl command that asks the same of the same gateway. The body is not kept, so it is a small one; the key
is named by its variable and never is in the text. Pure.
"""

from __future__ import annotations

import json
from shlex import quote

from joytui.core.joytoken import AUTO_MODEL
from joytui.core.request import RequestRecord

KEY_VARIABLE = "JOY_TOKEN_API_KEY"
WORDS = "Say hi."


def body(record: RequestRecord) -> dict[str, object]:
    """The smallest request of the same kind, for the same model; streamed or not as that one was."""
    model = record.model or AUTO_MODEL
    if record.endpoint.endswith("/chat/completions"):
        return {"model": model, "messages": [{"role": "user", "content": WORDS}], "stream": record.stream}
    return {"model": model, "input": WORDS, "stream": record.stream}


def curl(record: RequestRecord, gateway_url: str) -> str:
    """Lines for a shell. `gateway_url` is the gateway's address without a path."""
    url = gateway_url.rstrip("/") + record.endpoint
    first = f"curl {'-N ' if record.stream else ''}{quote(url)}"
    if not sendable(record):
        return f'{first} \\\n  -H "Authorization: Bearer ${KEY_VARIABLE}"'
    return "\n".join(
        [
            f"{first} \\",
            f'  -H "Authorization: Bearer ${KEY_VARIABLE}" \\',
            "  -H 'Content-Type: application/json' \\",
            f"  -d {quote(json.dumps(body(record), ensure_ascii=False))}",
        ]
    )


def sendable(record: RequestRecord) -> bool:
    """Whether a small request of this kind can be made up: an endpoint that takes a prompt."""
    return record.endpoint.endswith(("/responses", "/chat/completions"))
