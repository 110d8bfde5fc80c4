"""Arguments, URLs, proxies, the daemon, edits: the smaller parts of Codex's world."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.codex.arguments import parse_arguments
from joytui.codex.daemon import running_daemon
from joytui.codex.dotenv import read_dotenv
from joytui.codex.edit import EditError, remove_key, rename_key, set_key
from joytui.codex.models import shape_of
from joytui.codex.proxies import proxy_for
from joytui.codex.toml_reader import read_toml
from joytui.codex.versions import Rules, rules_for
from tests.codex.conftest import KEY, SEED, Scene
from tests.support.examples import examples
from tests.support.hang import HANG_S
from tests.support.needs import needs

CURRENT = rules_for("0.169.0")


def test_a_whole_pasted_line() -> None:
    command, refusals = parse_arguments(['FOO=x codex exec -p work -c model="zz" --json "say hi"'], CURRENT)
    assert refusals == ()
    assert (command.subcommand, command.profile, command.overrides, command.json) == (
        "exec",
        "work",
        ("model=zz",),
        True,
    )
    assert command.prompt == "say hi"
    assert command.env == {"FOO": "x"}
    split, _ = parse_arguments(["A=1", "npx", "@openai/codex", "-m", "auto", "hello"], CURRENT)
    assert (split.model, split.prompt, split.env) == ("auto", "hello", {"A": "1"})


@pytest.mark.parametrize(
    ("args", "version", "message"),
    [
        (["exec", "--nope"], "0.169.0", "error: unexpected argument '--nope' found"),
        (["exec", "-a", "never"], "0.169.0", "error: unexpected argument '-a' found"),
        (["--full-auto"], "0.169.0", "error: unexpected argument '--full-auto' found"),
        (["--full-auto"], "0.140.0", None),
        (["--ignore-user-config"], "0.94.0", "error: unexpected argument '--ignore-user-config' found"),
        (["--json=x"], "0.169.0", "error: unexpected value 'x' for '--json' found; no more were expected"),
        (["-m"], "0.169.0", "error: a value is required for '--model <MODEL>' but none was supplied"),
        (["-mauto", "-c=a=b", "--profile=x", "-c", "d=e"], "0.169.0", None),
        (["-mauto", "--model=x"], "0.169.0", "error: the argument '--model <MODEL>' cannot be used multiple times"),
        (["exec", "-m", "a", "resume", "-m", "b"], "0.169.0", None),
        (["exec", "-s", "bad", "--nope"], "0.169.0", "error: unexpected argument '--nope' found"),
        (["exec", "-p", "../x"], "0.94.0", None),
    ],
)
def test_what_clap_refuses(args: list[str], version: str, message: str | None) -> None:
    _, refusals = parse_arguments(args, rules_for(version))
    assert (refusals[0].message if refusals else None) == message


@pytest.mark.parametrize(
    ("env", "url", "variable"),
    [
        (
            {"HTTP_PROXY": "http://a:1", "http_proxy": "http://b:1", "ALL_PROXY": "http://c:1"},
            "http://a:1",
            "HTTP_PROXY",
        ),
        ({"ALL_PROXY": "c:1"}, "http://c:1", "ALL_PROXY"),
        ({"HTTPS_PROXY": "http://a:1"}, None, None),
        ({"HTTP_PROXY": "http://a:1", "NO_PROXY": "x,.example"}, None, "NO_PROXY"),
        ({"HTTP_PROXY": "http://a:1", "no_proxy": "*"}, None, "no_proxy"),
        ({"HTTP_PROXY": "http://a:1", "NO_PROXY": "gateway.example"}, None, "NO_PROXY"),
        ({"HTTP_PROXY": "http://a:1", "NO_PROXY": "way.example"}, "http://a:1", "HTTP_PROXY"),
        ({"HTTP_PROXY": "http://a:1", "ALL_PROXY": "http://c:1", "REQUEST_METHOD": ""}, None, None),
    ],
)
def test_the_proxy_and_its_variable(env: dict[str, str], url: str | None, variable: str | None) -> None:
    use = proxy_for("http://gateway.example/v1", env)
    assert (use.url, use.variable) == (url, variable)
    assert not proxy_for("http://gateway.example/v1", {"HTTP_PROXY": "127.0.0.1:notaport"}).valid


@pytest.mark.parametrize(
    ("slug", "shape"),
    [("auto", "classic"), ("gpt-5.4", "classic"), ("GPT-5.5", "classic"), ("gpt-5.5-2026", "freeform"), ("a/b/gpt-5.5", "classic"),
     ("openai/gpt-5.5", "freeform"), ("gpt-6-sol", "lite"), ("openai/gpt-6.1-sol", "lite"), ("codex-auto-review", "lite")],
)  # fmt: skip
def test_the_slug_decides_the_shape(slug: str, shape: str) -> None:
    assert shape_of(slug, CURRENT) == shape


def test_dotenv_as_codex_reads_it() -> None:
    text = "A='x y'\nexport B = \"1\" # c\r\nbroken line\nC=${A}-${OUTER}\nCODEX_HOME=/x\nD=\nE=a b\n"
    found = {item.name: (item.value, item.line) for item in read_dotenv(text, {"OUTER": "o"})}
    assert found == {"A": ("x y", 1), "B": ("1", 2), "C": ("x y-o", 4), "D": ("", 6)}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=x\\", "x"),  # a backslash that ends the line is dropped
        ('A="x\\', None),  # in an open quote it is not
        (r"A=a\ b\$c\"d", 'a b$c"d'),
        (r"A=a\nb", "a\nb"),
        (r'A="a\nb"', "a\nb"),
        (r"A='a\nb'", r"a\nb"),
        ("A=x#y", "x#y"),
        ("A=x #y", "x"),
        ("A=#y", ""),
        ("A='open", None),
    ],
)
def test_quotes_and_backslashes_of_dotenv(line: str, value: str | None) -> None:
    assert {item.name: item.value for item in read_dotenv(line, {})} == ({} if value is None else {"A": value})


# Version before, first version with another behaviour.
TURNS = {
    "chat_is_default": ("0.94.0", "0.95.0"),
    "honours_openai_base_url_variable": ("0.119.0", "0.120.0"),
    "has_openai_base_url_key": ("0.119.0", "0.120.0"),
    "checks_provider_tables": ("0.119.0", "0.120.0"),
    "has_auth_command": ("0.119.0", "0.120.0"),
    "has_own_ca_variable": ("0.119.0", "0.120.0"),
    "requires_provider_name": ("0.119.0", "0.120.0"),
    "names_error_path": ("0.119.0", "0.120.0"),
    "checks_provider_fields": ("0.129.0", "0.130.0"),
    "project_may_set_provider": ("0.129.0", "0.130.0"),
    "legacy_profiles": ("0.139.0", "0.140.0"),
    "endless_connection_retries": ("0.152.0", "0.153.0"),
    "refuses_empty_model": ("0.152.0", "0.153.0"),
    "has_daemon": ("0.156.0", "0.157.0"),
    "warns_unknown_keys": ("0.162.0", "0.163.0"),
}
OLDER = {
    "chat_is_default",
    "honours_openai_base_url_variable",
    "requires_provider_name",
    "project_may_set_provider",
    "legacy_profiles",
}


@pytest.mark.parametrize("behaviour", TURNS)
def test_a_behaviour_turns_with_its_version(behaviour: str) -> None:
    before, first = (getattr(rules_for(version), behaviour) for version in TURNS[behaviour])
    assert (before, first) == ((True, False) if behaviour in OLDER else (False, True))


def test_the_behaviours_that_turn_are_those_of_the_rules() -> None:
    assert set(TURNS) <= {field.name for field in fields(Rules)}


@needs("/proc")
def test_a_live_daemon_is_told_from_a_dead_one(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"K": "old-value"}
    )  # fmt: skip
    try:
        assert child.stdout is not None
        child.stdout.readline()
        ticks = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
        file = tmp_path / "app-server-daemon" / "daemon.pid"
        file.parent.mkdir()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        file.write_text(json.dumps({"pid": child.pid, "processIdentity": {"bootId": boot, "startTicks": ticks}}))
        daemon = running_daemon(tmp_path, "K", {"K": "new-value"})
        assert daemon is not None
        assert daemon.key_state == "different"
        file.write_text(json.dumps({"pid": child.pid, "processIdentity": {"bootId": boot, "startTicks": ticks + 1}}))
        assert running_daemon(tmp_path, "K", {}) is None
    finally:
        child.communicate(b"\n", timeout=HANG_S)
    file.write_text("not json")
    assert running_daemon(tmp_path, "K", {}) is None


def test_edits_keep_everything_else() -> None:
    text = '# top\nmodel = "auto" # m\n\n[model_providers.j]\nenv-key = "K"   # c\n'
    assert set_key(text, ("model_provider",), "j").text == text.replace("# m\n", '# m\nmodel_provider = "j"\n')
    assert rename_key(text, ("model_providers", "j", "env-key"), "env_key").text == text.replace("env-key", "env_key")
    assert remove_key(text, ("model",)).text == text.replace('model = "auto" # m', "# m")
    crlf = set_key("\ufeff[a]\r\nb = 1\r\n", ("model",), "x")
    assert crlf.text == '\ufeffmodel = "x"\r\n\r\n[a]\r\nb = 1\r\n'
    assert "+model" in crlf.patch
    with pytest.raises(EditError):
        set_key("a = ", ("b",), 1)


@given(st.sampled_from(["model", "model_provider", "zz"]), st.text(max_size=8).filter(str.isprintable))
@settings(max_examples=examples(60), deadline=None)
def test_what_is_set_is_read_back(key: str, value: str) -> None:
    for text in (SEED, "", "[a]\nb = 1\n"):
        assert read_toml(set_key(text, (key,), value).text).data[key] == value


def test_the_command_shows_origins_and_no_secret(scene: Scene) -> None:
    scene.write("ch/config.toml", SEED + 'experimental_bearer_token = "jt_live_planted_secret"\n')
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(scene.root),
        "CODEX_HOME": str(scene.root / "ch"),
        "JOY_TOKEN_API_KEY": KEY,
    }
    command = [sys.executable, "-m", "joytui", "codex", "config", "--codex-version", "0.169.0"]
    done = subprocess.run(
        [*command, "--json", "--", "-m", "x"], env=env, cwd=scene.root, capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["values"]["model"]["instead_of"][0] == {
        "layer": "user",
        "origin": f"{scene.root}/ch/config.toml:2",
        "value": "auto",
    }
    assert report["effective"]["model"]["origin"] == "flag"
    plain = subprocess.run(command, env=env, cwd=scene.root, capture_output=True, text=True, check=False)
    for text in (done.stdout, done.stderr, plain.stdout, plain.stderr):
        assert KEY not in text
        assert "planted" not in text
