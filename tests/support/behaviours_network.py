"""Behaviours below HTTP: ports, resets, silence, TLS of every wrong kind."""

from __future__ import annotations

from dataclasses import replace

from tests.support import behaviours_http  # noqa: F401  (its gateways are put into the world below)
from tests.support.behaviours import (
    CLOSE,
    HEALTHY,
    RESET,
    SILENCE,
    Reply,
    add,
    add_whole,
    error,
    registered,
)
from tests.support.certificates import PUBLIC_NAMES

add("reset", RESET)
add("reset_everything", RESET, everywhere=RESET)
add("closed_before_reply", CLOSE)
add("silent", SILENCE)
add("late_1s", replace(HEALTHY, delay=1.0))
add("late_3s", replace(HEALTHY, delay=3.0))
add("late_70s", replace(HEALTHY, delay=70.0))
add("black_hole", HEALTHY, transport="black-hole")
add("reset_once", (RESET, HEALTHY))
add("closed_once", (CLOSE, HEALTHY))

add("garbage", Reply(raw=b"\x00\x01\x02 this is no HTTP\r\n\r\n"))
add("ssh_banner", Reply(raw=b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"))
add("half_head", Reply(raw=b"HTTP/1.1 200 OK\r\ncontent-type: text/ev"))
add("half_head_hang", Reply(raw=b"HTTP/1.1 200 OK\r\ncontent-type: text/ev", ending="hang"))
add("http_0_9", Reply(raw=b"hello\n"))
add("http_1_0", Reply(raw=b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + b"".join(HEALTHY.pieces)))  # type: ignore[arg-type]
add("bad_status_line", Reply(raw=b"HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n"))
add("status_only", Reply(raw=b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n"))
add(
    "continue_100",
    Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 402 Payment Required\r\ncontent-length: 0\r\n\r\n"),
)

for kind in (
    "trusted",
    "untrusted",
    "expired",
    "not-yet-valid",
    "other-host",
    "name-only",
    "untrusted-expired",
    "expired-other-host",
    "untrusted-other-host",
    "old-protocol",
    "public",
):
    add(f"tls_{kind.replace('-', '_')}", HEALTHY, transport=f"tls:{kind}")
add("tls_402", error(402, "Wallet balance is too low", "insufficient_quota"), transport="tls:trusted")

# The guide's exact host names on port 443: the gateway, OpenAI, and whoever else Codex asks on the way

_OPENAI_NO_KEY = error(401, "Missing bearer or basic authentication in header", "invalid_request_error")
_OPENAI_WRONG_KEY = error(
    401,
    "Incorrect API key provided: jt_live_****cdef. You can find your API key at https://platform.openai.com/account/api-keys.",
    "invalid_request_error",
    code="invalid_api_key",
)


def in_the_world(name: str, plays: str) -> None:
    """A behaviour at api-dev.joytokens.ai, with api.openai.com and the other hosts around it."""
    gateway = replace(registered(plays), transport="tls:public")
    openai = replace(
        registered("nothing_there"),
        name="openai",
        everywhere=_OPENAI_WRONG_KEY,
        no_key=_OPENAI_NO_KEY,
        transport="tls:public",
    )
    elsewhere = replace(
        registered("nothing_there"), name="elsewhere", everywhere=error(404, "not here"), transport="tls:public"
    )
    hosts = tuple(
        (host, openai if host == "api.openai.com" else elsewhere)
        for host in PUBLIC_NAMES
        if host != "api-dev.joytokens.ai"
    )
    add_whole(replace(gateway, name=name, hosts=hosts))


in_the_world("world", "healthy")
in_the_world("world_chat_only", "chat_only")

for status in (301, 307, 308):  # what listens on port 80 beside the world
    add(f"http_to_https_{status}", HEALTHY, redirect=("/", status, "https://{host}/"))
