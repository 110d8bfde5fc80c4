"""The URL that Codex makes of a base_url: beside the real Codex, and the one that the doctor dials."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from joytui.codex.urls import _PLAIN, compose, host_of, normalise, origin_of, parsed, path_of
from joytui.doctor.link import target_of
from joytui.doctor.walk import doubtful_path
from tests.codex.conftest import SEED, Scene
from tests.support.fault_proxy import FaultProxy
from tests.support.hang import HANG_S
from tests.support.real_codex import codex

SENT = {
    "http://h/openai/v1": "http://h/openai/v1/responses",
    "http://h/openai/v1//": "http://h/openai/v1/responses",
    " http://h/openai/v1": "http://h/openai/v1/responses",
    "http://h/openai/v1 ": "http://h/openai/v1%20/responses",
    "http://h/v1?api-version=1": "http://h/v1?api-version=1/responses",
    "http://h/openai/v1#x": "http://h/openai/v1",
    "http://h/v1?#x": "http://h/v1?",
    "HTTP://H:80/v1": "http://h/v1/responses",
    "http:\\\\h\\v1": "http://h/v1/responses",
    "http:h/v1": "http://h/v1/responses",
    "http://": "http://responses/",
    "ht\ttp://h/\nv1": "http://h/v1/responses",
    "http://user:secret@h/v1": "http://h/v1/responses",
    "http://u：p@h/v1": "http://h/v1/responses",
    "http://h:0/v1": "http://h:0/v1/responses",
    "http://h:443/v1": "http://h:443/v1/responses",
    "http://h/a/%2E/../b//c/..": "http://h/b//responses",
    "http://h/%zz%41[x]|^`{é}": "http://h/%zz%41[x]|^%60%7B%C3%A9%7D/responses",
    "http://h/v1?`{x}|^\\'é": "http://h/v1?`{x}|^\\%27%C3%A9/responses",
    "http://straße.de/v1": "http://xn--strae-oqa.de/v1/responses",
    "http://XN--STRAE-OQA.de/v1": "http://xn--strae-oqa.de/v1/responses",
    "http://GROẞ.de/v1": "http://xn--gro-7ka.de/v1/responses",
    "http://ς.gr/v1": "http://xn--3xa.gr/v1/responses",
    "http://☃.example/v1": "http://xn--n3h.example/v1/responses",
    "http://ＧＡＴＥ．example。com/v1": "http://gate.example.com/v1/responses",
    "http://a\u00adb.example/v1": "http://ab.example/v1/responses",
    "http://a%41.example/v1": "http://aa.example/v1/responses",
    "http://a%C3%9F.example/v1": "http://xn--a-qfa.example/v1/responses",
    "http://a..b/v1": "http://a..b/v1/responses",
    "http://a_b.example./v1": "http://a_b.example./v1/responses",
    "http://-a$b-/v1": "http://-a$b-/v1/responses",
    "http://" + "ü" * 60 + "/v1": "http://xn--td" + "a" * 60 + "/v1/responses",
    "http://0x7f.1/v1": "http://127.0.0.1/v1/responses",
    "http://2130706433/v1": "http://127.0.0.1/v1/responses",
    "http://１２７.0.0.1/v1": "http://127.0.0.1/v1/responses",
    "http://1.2.3.4./v1": "http://1.2.3.4/v1/responses",
    "http://[0:0::1]:8080/v1": "http://[::1]:8080/v1/responses",
    "http://[::ffff:1.2.3.4]/v1": "http://[::ffff:102:304]/v1/responses",
}
REFUSED = {
    "": "relative URL without a base",
    "gateway.example/v1": "relative URL without a base",
    "${URL}/v1": "relative URL without a base",
    "localhost:8080/v1": "scheme localhost: is not http or https",
    "ftp://h/v1": "scheme ftp: is not http or https",
    "http://:80/v1": "empty host",
    "http://user@/v1": "empty host",
    "http://h:65536/v1": "invalid port number",
    "http://h:8o/v1": "invalid port number",
    "http://256.1.1.1/v1": "invalid IPv4 address",
    "http://1.2.3.08/v1": "invalid IPv4 address",
    "http://[::1%25eth0]/v1": "an IPv6 address with a zone is no host of a URL",
    "http://[::1/v1": "invalid IPv6 address",
    "http://[::1/%25": "invalid IPv6 address",
    "http://a b/v1": "invalid host",
    "http://a%20b/v1": "invalid host",
    "http://xn--a/v1": "invalid host",
    "http://a\u200db.example/v1": "invalid host",
    "http://a⒈b.example/v1": "invalid host",
    "http://h\u00a0/v1": "invalid host",
    "http://${HOST}/v1": "{ in the host name",
    'http://a"b/v1': '" in the host name',
    "http://a`b/v1": "` in the host name",
    "http://h/" + "a" * 65_516: "longer than 65534 bytes",
}


def codex_with(base: str, folder: Path) -> tuple[list[str], str]:
    """What the real Codex asked a proxy for over http, and what it said."""
    (folder / "config.toml").write_text(
        f'model_provider = "joytoken"\nmodel = "auto"\n[model_providers.joytoken]\nname = "joytoken"\n'
        f'base_url = {json.dumps(base, ensure_ascii=False)}\nenv_key = "JOY_TOKEN_API_KEY"\n'
        "request_max_retries = 0\nstream_max_retries = 0\n",
        encoding="utf-8",
    )
    with FaultProxy("deny") as proxy:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "CODEX_HOME": str(folder), "JOY_TOKEN_API_KEY": "key"}
        done = subprocess.run(
            [codex(), "exec", "--skip-git-repo-check", "say hi"], env=env | {"HTTP_PROXY": proxy.origin},
            cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, check=False,
        )  # fmt: skip
    return [seen.removeprefix("POST ") for seen in proxy.seen if seen.startswith("POST ")], done.stderr


@pytest.mark.parametrize("base", SENT, ids=lambda base: ascii(base)[:40])
def test_a_url_is_built(base: str) -> None:
    composed = compose(base, "responses")
    assert (composed.wire, composed.error) == (SENT[base], None)


@pytest.mark.parametrize("base", REFUSED, ids=lambda base: ascii(base)[:40])
def test_a_url_cannot_be_built(base: str) -> None:
    composed = compose(base, "responses")
    assert (composed.wire, composed.error) == ("", REFUSED[base])


def test_https_and_a_query() -> None:
    composed = compose("HTTPS://H:443/v1", "responses", {"a": "b c", "d": "é&f"})
    assert composed.text == "HTTPS://H:443/v1/responses?a=b c&d=é&f"
    assert composed.wire == "https://h/v1/responses?a=b%20c&d=%C3%A9&f"


@pytest.mark.codex
@pytest.mark.parametrize("base", SENT, ids=lambda base: ascii(base)[:40])
def test_codex_sends_to_it(base: str, tmp_path: Path) -> None:
    asked, said = codex_with(base, tmp_path)
    assert asked == [SENT[base]], said[-600:]


@pytest.mark.codex
@pytest.mark.parametrize("base", REFUSED, ids=lambda base: ascii(base)[:40])
def test_codex_refuses_it(base: str, tmp_path: Path) -> None:
    asked, said = codex_with(base, tmp_path)
    assert asked == []
    assert "stream disconnected before completion: builder error" in said


@pytest.mark.codex
def test_the_longest_url_that_codex_builds(tmp_path: Path) -> None:
    longest = "http://h/" + "a" * 65_515
    assert compose(longest, "responses").error is None
    assert "builder error" not in codex_with(longest, tmp_path)[1]


def test_a_path_is_doubted_only_where_codex_takes_another(scene: Scene) -> None:
    for base, doubted in (("http://u：p@127.0.0.1:9/openai/v1", False), ("http://u：p@127.0.0.1:9/v1/x", True)):
        world = scene.look(config=SEED.replace("https://api-dev.joytokens.ai/openai/v1", base))
        assert bool(doubtful_path(world)) is doubted


HOSTS = st.text(st.characters() | st.sampled_from(".-_%0123456789abcxn:[]ß。１"), min_size=1, max_size=20)
URLS = st.one_of(
    st.builds("http{}://{}{}".format, st.sampled_from(["", "s"]), HOSTS, st.text(max_size=20).map("/".__add__)),
    st.builds("http://{}:{}/v1?{}".format, st.sampled_from(["h", "[::1]", "1.2"]), st.integers(-1, 70_000), st.text()),
    st.text(),
)


@given(URLS)
def test_what_is_normal_stays(text: str) -> None:
    wire, error = normalise(text)
    assert (wire == "") == (error is not None)
    if not error:
        assert wire.isascii()
        assert normalise(wire) == (wire, None)


@given(URLS)
@example("http://h./v1")
@example("http://h:0/v1")
@example("http://h/v1?#x")
def test_the_doctor_dials_what_it_names(base: str) -> None:
    composed = compose(base, "responses")
    if composed.error:
        with pytest.raises(ValueError, match="not an http address"):
            target_of(composed.text)
        assert host_of(composed.text) == origin_of(composed.text) == path_of(composed.text) == ""
        return
    target = target_of(composed.wire)
    assert target == target_of(composed.text)
    assert target.url == composed.wire
    assert target.origin == origin_of(composed.text) == origin_of(composed.wire)
    assert target.host.removesuffix(".") == host_of(composed.text)
    assert target.path.split("?")[0] == path_of(composed.text)


@given(st.from_regex(_PLAIN, fullmatch=True, alphabet=st.characters(codec="ascii")))
@example("http://gate.example:80/openai/v1")
@example("https://gate.example:443/v1")
@example("http://127.0.0.1:59999/v1/responses")
@example("https://ab.xn--p1ai/v1")
@example("https://a-b.xn.example/v1/a.b-c_d")
@settings(max_examples=25)
def test_what_needs_no_parser_is_what_the_parser_says(url: str) -> None:
    assert normalise(url) == parsed(url)
