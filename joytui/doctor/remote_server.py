"""Asks the app server of `codex --remote` for a WebSocket, as Codex does before it sends a turn. No turn is started: it would cost one."""

from __future__ import annotations

import base64
import os
import re
import socket
from urllib.parse import urlsplit

from joytui.codex.proxies import websocket_proxy
from joytui.codex.request import ca_bundle
from joytui.codex.versions import rules_for
from joytui.codex.world import RemoteServer, World
from joytui.core.records import Evidence, Finding
from joytui.doctor.faults import NetFault
from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.link import Proxy, Route, Target
from joytui.doctor.steps import StepBook
from joytui.doctor.tls import Trust
from joytui.doctor.wire import ByteStream, TcpStream

_STATUS = re.compile(rb"HTTP/1\.\d (\d{3}) ?([^\r\n]*)\r?\n")
_MAX_HEAD = 64 * 1024


def try_server(world: World, server: RemoteServer, limit: Limit, book: StepBook, reached: str) -> Finding:
    """Whether the server takes this client; `reached`: how to call that. Raises Cancelled."""
    try:
        with book.watch("net.answer") as note:
            status, reason = _asked(world, server, limit)
            note(f"HTTP {status}")
    except NetFault as fault:
        return _failed(server, fault.summary, _words(fault), fault.timed_out)
    if status == 101:
        return Finding(True, None, evidence=(Evidence(reached, server.address),), summary=reached)
    told = f"the app server refuses the connection: HTTP {status} {reason}".rstrip()
    return _failed(server, told, f"HTTP error: {status} {reason}".rstrip(), status=status)


def _words(fault: NetFault) -> str | None:
    """The end of Codex's message; None if it was not seen."""
    if fault.where.startswith("unix://"):
        return fault.summary
    if fault.cause in ("connection-refused", "proxy-unreachable"):
        return "IO error: Connection refused (os error 111)"
    if fault.cause == "tls-protocol-mismatch":
        return "IO error: received corrupt message of type InvalidContentType"
    status = fault.details.get("status")
    return f"URL error: Proxy connection failed: HTTP CONNECT failed with status {status}" if status else None


def _failed(
    server: RemoteServer, told: str, says: str | None, timed_out: bool = False, status: int | None = None
) -> Finding:
    details: dict[str, object] = {"server": server.address}
    if server.token_variable:
        details["variable"] = server.token_variable
    if status is not None:
        details["status"] = status
    return Finding(
        None if timed_out else False,
        "remote-server-failed",
        evidence=(Evidence(told, server.address),),
        codex_says=f"Error: failed to connect to remote app server at `{server.address}`: {says}" if says else None,
        details=details,
        summary=told,
    )


def _asked(world: World, server: RemoteServer, limit: Limit) -> tuple[int, str]:
    """Status and reason of the server's answer. Raises NetFault, Cancelled."""
    stream, host, path = _connected(world, server, limit)
    try:
        stream.send(_handshake(host, path, server.token), limit)
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD and (data := stream.receive(limit)):
            head += data
    except OutOfTime:
        raise NetFault("no-response", "the app server gave no answer in time", server.address, timed_out=True) from None
    except OSError as error:
        raise NetFault("connection-reset", str(error), server.address) from None
    finally:
        stream.close()
    found = _STATUS.match(head)
    if found is None:
        raise NetFault("not-a-gateway", "what listens there does not speak HTTP", server.address)
    return int(found[1]), found[2].decode("latin-1").strip()


def _connected(world: World, server: RemoteServer, limit: Limit) -> tuple[ByteStream, str, str]:
    """A connection, the Host header and the path."""
    parts = urlsplit(server.address)
    if parts.scheme == "unix":
        return _local_socket(server), "localhost", "/"
    secure = parts.scheme == "wss"
    target = Target(
        "https" if secure else "http", str(parts.hostname), parts.port or (443 if secure else 80), parts.path
    )
    variable, file = ca_bundle(world.codex_env, rules_for(world.version))
    route = Route(target, _proxy(world, server), Trust(file, variable), tunnels=True)
    return route.open(limit).stream, target.authority, parts.path or "/"


def _proxy(world: World, server: RemoteServer) -> Proxy | None:
    use = websocket_proxy(server.address, world.codex_env)
    if use.url is None:
        return None
    variable = use.variable or "a proxy variable"
    if not use.valid:
        raise NetFault("proxy-invalid", f"{variable} is not a proxy URL that Codex accepts here", variable)
    proxy = Proxy(use.url, variable)
    if proxy.socks:
        told = f"not tried: {variable} names a SOCKS proxy"
        raise NetFault("proxy-invalid", told, variable, timed_out=True)
    return proxy


def _local_socket(server: RemoteServer) -> ByteStream:
    path = server.address.removeprefix("unix://")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(path)
    except OSError as error:
        sock.close()
        told = f"{error.strerror} (os error {error.errno})"
        raise NetFault("connection-reset", told, server.address) from None
    return TcpStream(sock, path)


def _handshake(host: str, path: str, token: str | None) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}", *([f"Authorization: Bearer {token}"] if token else []),
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
