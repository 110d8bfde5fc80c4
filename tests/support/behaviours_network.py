"""Behaviours below HTTP: ports, resets, silence, TLS of every wrong kind."""

from __future__ import annotations

from dataclasses import replace

from tests.support.behaviours import CLOSE, HEALTHY, RESET, SILENCE, Reply, add, error

add("reset", RESET)
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
