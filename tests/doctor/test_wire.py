"""The doctor's own connections: several addresses, and a port that speaks TLS to plain HTTP."""

from __future__ import annotations

import socket
import sys

import pytest

from joytui.codex.world import Invocation
from joytui.doctor import examine
from joytui.doctor.examine import DEFAULT_TIMEOUT
from joytui.doctor.limits import Limit
from joytui.doctor.wire import Address, Attempt, connect, resolve
from tests.support.fault_gateway import FaultGateway
from tests.support.raw_gateway import CONFIG, KEY
from tests.support.threaded_server import ThreadedServer


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops what a full queue has no place for")
def test_an_address_that_is_silent_does_not_keep_the_next_one_waiting():
    """RFC 8305: the second address is tried, too, long before the doctor's whole time is over."""
    with FaultGateway("black_hole") as hole, FaultGateway("healthy") as good:
        addresses = [Address(socket.AF_INET, ("127.0.0.1", gateway.port)) for gateway in (hole, good)]
        attempts: list[Attempt] = []
        stream = connect(addresses, Limit.after(DEFAULT_TIMEOUT), attempts)
        stream.close()
    assert stream.peer == f"127.0.0.1:{good.port}"
    assert [attempt.address for attempt in attempts] == addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_asks_no_resolver(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine so busy that no thread starts in time, a gateway at 127.0.0.1 has no silent resolver."""
    monkeypatch.setattr("threading.Thread.start", lambda self: None)
    assert [address.sockaddr[0] for address in resolve(host, 1, Limit.after(0.0))] == [host]


class _Alerting(ThreadedServer):
    """Answers plain words on its first connection with a TLS alert (unexpected message), and no other connection at all."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0
        self.start()

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        if self.connections == 1:
            connection.recv(65536)
            connection.sendall(b"\x15\x03\x03\x00\x02\x02\x0a")
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)


def test_a_tls_alert_is_known_by_its_first_byte(tmp_path):
    """No second question is needed, which a server may no longer answer."""
    with _Alerting() as server:
        (tmp_path / "config.toml").write_text(CONFIG.format(port=server.port))
        env = {"HOME": str(tmp_path), "CODEX_HOME": str(tmp_path), "JOY_TOKEN_API_KEY": KEY, "PATH": "/nowhere"}
        report = examine(Invocation((), env, tmp_path, "0.169.0", system_dir=tmp_path / "etc"))
    assert (report.verdict.cause, report.verdict.details["use"]) == ("tls-protocol-mismatch", "https")
