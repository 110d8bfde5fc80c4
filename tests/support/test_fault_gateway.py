"""The proving ground itself: what the fault gateway says over the wire, down to resets and certificates."""

from __future__ import annotations

import json
import socket
import ssl

import h11
import pytest

from tests.support import certificates
from tests.support.behaviours import behaviour_names
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.fault_proxy import FaultProxy

BODY = json.dumps({"model": "auto", "input": []}).encode()


def ask(
    gateway: FaultGateway, key: str | None = GOOD_KEY, path: str = "/openai/v1/responses", timeout: float = 5.0
) -> bytes:
    """Everything that comes back for one POST, as bytes, until the gateway closes or the answer is complete."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout) as connection:
        authorization = f"authorization: Bearer {key}\r\n" if key is not None else ""
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}content-length: {len(BODY)}\r\n\r\n"
        connection.sendall(head.encode() + BODY)
        data = b""
        while piece := connection.recv(65536):
            data += piece
    return data


def parsed(data: bytes) -> tuple[int, bytes]:
    """Status and body of a whole answer, by its own parser."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "0")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    status, body = 0, b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
    return status, body


def test_a_whole_stream_is_well_formed_and_recorded():
    with FaultGateway("healthy") as gateway:
        status, body = parsed(ask(gateway))
        assert status == 200
        assert body.count(b"data: ") == 5
        assert gateway.summary() == {"POST /openai/v1/responses 200 auth": 1}
        assert gateway.seen[0].body_keys == ("input", "model")


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (GOOD_KEY, 200),
        (f"{GOOD_KEY} ", 200),
        (f" {GOOD_KEY}", 401),
        (f"'{GOOD_KEY}'", 401),
        ("wrong", 401),
        (None, 401),
    ],
)
def test_the_key_is_checked_as_strictly_as_a_real_gateway_does(key: str | None, status: int):
    with FaultGateway("healthy") as gateway:
        assert parsed(ask(gateway, key))[0] == status
        assert gateway.summary() == {f"POST /openai/v1/responses {status} {'NOAUTH' if key is None else 'auth'}": 1}


def test_routes_that_are_not_there_are_404_before_the_key():
    with FaultGateway("chat_only") as gateway:
        assert parsed(ask(gateway, None))[0] == 404
        assert parsed(ask(gateway, path="/openai/v1/chat/completions"))[0] == 200


def test_answers_in_turn():
    with FaultGateway("flaky_503_twice") as gateway:
        assert [parsed(ask(gateway))[0] for _ in range(4)] == [503, 503, 200, 200]


def test_a_cut_stream_ends_inside_a_chunk():
    with FaultGateway("F_cut_mid_chunk") as gateway:
        assert not ask(gateway).endswith(b"0\r\n\r\n")


def test_a_reset_is_a_reset():
    with FaultGateway("reset") as gateway, pytest.raises(ConnectionResetError):
        ask(gateway)


def test_a_black_hole_lets_nobody_connect():
    with FaultGateway("black_hole") as gateway, pytest.raises(TimeoutError):
        ask(gateway, timeout=0.4)


@pytest.mark.parametrize(
    ("plays", "reason"),
    [
        ("tls_trusted", None),
        ("tls_untrusted", "self-signed certificate in certificate chain|unable to get local issuer"),
        ("tls_expired", "certificate has expired"),
        ("tls_not_yet_valid", "not yet valid"),
        ("tls_other_host", "Hostname mismatch"),
    ],
)
def test_certificates_are_wrong_in_one_way_each(plays: str, reason: str | None):
    trust = ssl.create_default_context(cafile=str(certificates.authority_file()))
    with FaultGateway(plays) as gateway, socket.create_connection(("127.0.0.1", gateway.port), 5) as plain:
        if reason is None:
            trust.wrap_socket(plain, server_hostname="localhost").close()
            return
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            trust.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize(("kind", "status"), [("forward", 200), ("deny", 403), ("auth", 407)])
def test_the_proxy_passes_or_refuses_a_tunnel(kind: str, status: int):
    with FaultGateway("healthy") as gateway, FaultProxy(kind) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as connection:
            connection.sendall(f"CONNECT 127.0.0.1:{gateway.port} HTTP/1.1\r\n\r\n".encode())
            assert connection.recv(4096).split()[1] == str(status).encode()
            if kind == "forward":
                connection.sendall(b"GET /openai/v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n")
                answer = connection.makefile("rb")
                assert b"404" in answer.readline()
        assert proxy.seen == [f"CONNECT 127.0.0.1:{gateway.port}"]


def test_the_registry_is_complete_and_remembers_no_key():
    assert len(behaviour_names()) > 200
    with FaultGateway("healthy") as gateway:
        ask(gateway, "jt_live_secret_of_a_user")
        assert "secret" not in repr(gateway.seen)
