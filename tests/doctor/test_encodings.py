"""Codex 0.171 asks for compressed answers, unpacks gzip and zstd, and fails where something on the way packs otherwise."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
import zstandard

from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor import examine
from joytui.doctor.encodings import unpacking
from joytui.doctor.exchange import Answer, BodyBroken
from joytui.doctor.link import Target
from tests.support.raw_gateway import CONFIG, HEAD, KEY, OK, RawGateway

HALF = len(OK) // 2
GZIP, ZSTD = gzip.compress(OK, mtime=0), zstandard.compress(OK)


def read(label: str, body: bytes, size: int = 7) -> bytes:
    """The body as Codex gets it; what is lost raises BodyBroken."""
    pieces = iter([body[at : at + size] for at in range(0, len(body), size)])
    answer = Answer(200, "OK", {"content-encoding": label}, Target("http", "h", 80, "/"), pieces, lambda: None)
    return b"".join(unpacking(answer).pieces())


@pytest.mark.parametrize(
    ("label", "body", "text"),
    [
        ("gzip", GZIP, OK),
        ("zstd", ZSTD, OK),
        ("identity", OK, OK),
        ("br", OK, OK),
        ("GZIP", GZIP, GZIP),  # the label counts letter by letter
        ("gzip, zstd", GZIP, GZIP),
        ("gzip", GZIP + b"junk", OK),
        ("gzip", gzip.compress(OK[:HALF], mtime=0) + gzip.compress(OK[HALF:], mtime=0), OK[:HALF]),
        ("zstd", zstandard.compress(OK[:HALF]) + zstandard.compress(OK[HALF:]), OK),
        ("gzip", b"", b""),
    ],
    ids=[
        "gzip",
        "zstd",
        "plain",
        "unknown",
        "upper case",
        "a list",
        "junk behind",
        "two members",
        "two frames",
        "nothing",
    ],
)
def test_what_codex_unpacks(label: str, body: bytes, text: bytes) -> None:
    assert read(label, body) == text
    assert read(label, body, 10**6) == text


@pytest.mark.parametrize(
    ("label", "body"),
    [("gzip", OK), ("gzip", GZIP[:-20]), ("zstd", ZSTD[:-9]), ("zstd", GZIP)],
    ids=["plain", "gzip cut", "zstd cut", "another"],
)
def test_what_it_cannot_unpack(label: str, body: bytes) -> None:
    with pytest.raises(BodyBroken):
        read(label, body)


def packed(label: str | None, body: bytes, head: bytes = HEAD) -> bytes:
    return (
        head.replace(b"\r\n\r\n", b"\r\ncontent-encoding: " + label.encode() + b"\r\n\r\n" if label else b"\r\n\r\n")
        + body
    )


NOT_ACCEPTABLE = (
    b"HTTP/1.1 406 Not Acceptable\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    b'{"error": {"message": "Unsupported Accept-Encoding"}}'
)


def examined(tmp_path: Path, version: str, *answers: bytes, config: str = CONFIG) -> Report:
    with RawGateway(answers) as gateway:
        (tmp_path / "config.toml").write_text(config.format(port=gateway.port))
        env = {"CODEX_HOME": str(tmp_path), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
        return examine(Invocation((), env, tmp_path, version, tmp_path / "etc", tmp_path))


def refused(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n" + body


@pytest.mark.parametrize(
    "first",
    [
        packed(None, GZIP), packed("gzip", GZIP[:-20]), NOT_ACCEPTABLE, refused(b"400 Bad Request", b""),
        refused(b"403 Forbidden", b"<h1>Blocked</h1>"), refused(b"422 No", b'{"error": {"message": "zstd is not known"}}'),
    ],
    ids=["no label", "cut", "406", "wordless", "page", "worded"],
)  # fmt: skip
def test_a_fault_that_is_seen_only_when_asked_for(tmp_path: Path, first: bytes) -> None:
    report = examined(tmp_path, "0.171.0", first, HEAD + OK)
    verdict = report.verdict
    assert (verdict.works, verdict.cause) == (False, "encoding-broken")
    assert verdict.details["plain_works"] is True
    assert verdict.fix is not None
    assert '+accept-encoding = "identity"' in (verdict.fix.patch or "")


def test_a_packing_that_no_request_avoids_has_no_change_of_files(tmp_path: Path) -> None:
    report = examined(tmp_path, "0.171.0", packed("deflate", zlib.compress(OK)))
    assert report.verdict.cause == "encoding-broken"
    assert report.verdict.fix is not None
    assert report.verdict.fix.patch is None


LOGIN = b"<html><title>Log in</title></html>"


@pytest.mark.parametrize(
    "answer", [packed("gzip", gzip.compress(LOGIN, mtime=0)), packed("br", LOGIN)], ids=["gzip", "label"]
)
def test_what_was_packed_well_has_its_own_cause(tmp_path: Path, answer: bytes) -> None:
    assert examined(tmp_path, "0.171.0", answer).verdict.cause == "not-a-gateway"


def test_a_clear_refusal_is_not_asked_again(tmp_path: Path) -> None:
    verdict = examined(
        tmp_path, "0.171.0", refused(b"402 No", b'{"error": {"message": "no credits"}}'), HEAD + OK
    ).verdict
    assert verdict.cause == "insufficient-quota"


def test_good_packing_works_and_older_versions_never_ask(tmp_path: Path) -> None:
    assert examined(tmp_path, "0.171.0", packed("zstd", ZSTD)).verdict.works is True
    assert examined(tmp_path, "0.169.0", packed("gzip", GZIP)).verdict.cause == "not-an-event-stream"


def test_an_encoding_of_ones_own_takes_the_place_of_codexs(tmp_path: Path) -> None:
    from joytui.codex.look import look

    (tmp_path / "config.toml").write_text(CONFIG.format(port=9) + 'http_headers = { "Accept-Encoding" = "identity" }\n')
    world = look(Invocation((), {"CODEX_HOME": str(tmp_path), "JOY_TOKEN_API_KEY": KEY}, tmp_path, "0.171.0"))
    assert world.plan is not None
    assert [value for name, value in world.plan.headers if name.lower() == "accept-encoding"] == [b"identity"]
    assert world.plan.unpacks
