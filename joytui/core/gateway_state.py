"""What a running local gateway leaves for those who look for it, and how it proves that it is the one.

The state file (`Places.state_file`, 0600) says URL, pid and version. A port says nothing about who listens on it, so before a
client sends the admin token it asks `GET /healthz?nonce=N`; the gateway answers `{"status": "ok", "version": …, "pid": …,
"proof": HMAC-SHA256}` with the admin token as the key. The URL is part of what is signed: a program on another port that
passes the question on to the real gateway gets an answer that does not hold for itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from joytui.core.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class GatewayState:
    """`url` is "http://HOST:PORT" without a path; `started_at` RFC 3339 UTC; `upstream` as given, None when offline.

    `settings`: those that are not defaults, by name; None if an older gateway did not say.
    """

    url: str
    pid: int
    version: str
    started_at: str
    store: str
    upstream: str | None = None
    settings: Mapping[str, Any] | None = None


def proof(admin_token: str, nonce: str, url: str) -> str:
    """The hex digest that a gateway with this token, reachable at this URL, answers to this nonce."""
    message = f"joytui-gateway\n{nonce}\n{url.rstrip('/')}"
    return hmac.new(admin_token.encode(), message.encode(), hashlib.sha256).hexdigest()


def proves(answer: object, admin_token: str, nonce: str, url: str) -> bool:
    """Whether the `proof` that came back is the right one (compared in constant time)."""
    expected = proof(admin_token, nonce, url)
    return isinstance(answer, str) and answer.isascii() and hmac.compare_digest(answer, expected)


def read_state(path: Path) -> GatewayState | None:
    """The state that a gateway wrote, None if there is none or it cannot be read as one. Not a proof that it runs."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return GatewayState(
            url=str(data["url"]).rstrip("/"),
            pid=int(data["pid"]),
            version=str(data["version"]),
            started_at=str(data["started_at"]),
            store=str(data["store"]),
            upstream=data.get("upstream"),
            settings=data["settings"] if isinstance(data.get("settings"), dict) else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_state(path: Path, state: GatewayState) -> None:
    """Puts the state in place in one step, mode 0600. Raises OSError."""
    write_whole(path, f"{json.dumps(asdict(state), indent=2)}\n".encode())


def remove_state(path: Path, pid: int) -> None:
    """Takes the state away if it is still the one of this process."""
    state = read_state(path)
    if state is not None and state.pid == pid:
        with contextlib.suppress(OSError):
            path.unlink()


def note_on_demand(path: Path, pid: int) -> None:
    """Keeps, in a file of mode 0600, that this gateway was started for a caller. Raises OSError."""
    write_whole(path, str(pid).encode())


def is_on_demand(path: Path, pid: int) -> bool:
    """Whether this gateway was started for a caller, so that it may end with the last console while it has no key."""
    return read_token(path) == str(pid)


def read_token(path: Path) -> str | None:
    """The token in this file, None if there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None
