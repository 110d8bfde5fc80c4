"""The security table's row "upstream key": environment, then the system's keyring, then a 0600 file; never a command line."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from joytui.core.errors import SettingsError
from joytui.gateway import system_keyring
from joytui.gateway.settings import load_settings
from joytui.gateway.upstream_keys import FILE_NAME, UpstreamKeys
from joytui.gateway.upstream_setup import upstream_of, wanted_upstreams
from tests.bridge.chat_upstream import ChatUpstream, answer_json
from tests.gateway.served import served
from tests.support.faketime import python_path
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.terminal import Terminal
from tests.upstreams.calling import ANSWER, model_call, read

KEY = "up-key-of-nobody-0123456789abcdef"
NAME = "api.example.com"
BACKENDS = "tests.support.keyring_in_a_file"
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def machine(tmp_path: Path):
    """Without a keyring, unless the test names one."""
    here = Machine(tmp_path, {"PYTHONPATH": python_path(ROOT)})
    here.env["JOYTUI_TEST_KEYRING"] = str(tmp_path / "keyring.json")
    yield here
    here.call("gateway", "stop")


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Chooses a keyring for this process, as PYTHON_KEYRING_BACKEND would at its start."""
    import keyring

    before = keyring.get_keyring()
    monkeypatch.setenv("JOYTUI_TEST_KEYRING", str(tmp_path / "keyring.json"))

    def choose(name: str) -> None:
        keyring.set_keyring(getattr(__import__(BACKENDS, fromlist=[name]), name)())

    yield choose
    keyring.set_keyring(before)


def with_keyring(name: str = "FileKeyring") -> dict[str, str]:
    return {"PYTHON_KEYRING_BACKEND": f"{BACKENDS}.{name}"}


def test_upstream_key_environment_then_keyring_then_file(tmp_path: Path, backend: Any) -> None:
    backend("FileKeyring")
    keys = UpstreamKeys(tmp_path / FILE_NAME, {"UP": "from-env"})
    assert keys.find(NAME, "UP") is not None
    assert UpstreamKeys(tmp_path / FILE_NAME, {}).find(NAME, "UP") is None
    keys.keep(NAME, "from-keyring")
    assert found(keys, None) == ("from-keyring", "keyring (test keyring)")
    assert found(keys, "UP") == ("from-env", "environment variable UP")
    assert found(UpstreamKeys(tmp_path / FILE_NAME, {"UP": " "}), "UP")[0] == "from-keyring"
    assert "from-keyring" not in keys.file.read_text()
    assert keys.forget(NAME) == ["keyring (test keyring)"]
    backend("NoKeyring")
    keys.keep(NAME, "from-file")
    assert found(keys, None) == ("from-file", f"file {tmp_path / FILE_NAME}")
    assert found(keys, "UP") == ("from-env", "environment variable UP")
    assert keys.forget(NAME) == [f"file {tmp_path / FILE_NAME}"]
    assert (keys.find(NAME), keys.forget(NAME)) == (None, [])
    assert not (tmp_path / FILE_NAME).exists()


def found(keys: UpstreamKeys, variable: str | None) -> tuple[str, str]:
    key = keys.find(NAME, variable)
    assert key is not None
    assert key.value not in repr(key)
    return key.value, key.source


def test_upstream_key_is_kept_in_one_place(tmp_path: Path, backend: Any) -> None:
    backend("FileKeyring")
    keys = UpstreamKeys(tmp_path / FILE_NAME, {})
    keys.keep(NAME, "old", to="file")
    assert keys.keep(NAME, "new") == "keyring (test keyring)"
    assert json.loads(keys.file.read_text()) == {NAME: None}
    keys.keep(NAME, "newer", to="file")
    assert system_keyring.read(NAME) is None
    assert stat.S_IMODE(keys.file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["LockedKeyring", "HangingKeyring"])
def test_upstream_key_a_keyring_that_gives_nothing_is_said(
    tmp_path: Path, backend: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where the key is in it; who keeps his in the file does not notice it."""
    keys = UpstreamKeys(tmp_path / FILE_NAME, {})
    backend("FileKeyring")
    keys.keep(NAME, KEY)
    backend(name)
    if name == "HangingKeyring":
        monkeypatch.setattr(system_keyring, "LIMIT_S", 0.2)
    with pytest.raises(SettingsError, match=r"kept in the keyring: the keyring (failed|did not answer)") as caught:
        keys.find(NAME)
    assert "--in file" in (caught.value.hint or "")
    assert UpstreamKeys(keys.file, {"UP": "x"}).find(NAME, "UP") is not None
    keys.keep(NAME, KEY, to="file")
    assert found(keys, None)[0] == KEY
    if name == "LockedKeyring":
        with pytest.raises(SettingsError, match="keyring failed") as caught:
            keys.keep(NAME, KEY, to="keyring")
        assert KEY not in str(caught.value)
        assert keys.keep(NAME, KEY) == f"file {keys.file}"


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_upstream_key_file_that_others_may_read_is_refused(machine: Machine, mode: int) -> None:
    file = machine.data / FILE_NAME
    assert machine.call("gateway", "upstream-key", "set", NAME, stdin=KEY).code == 0
    file.chmod(mode)
    said = machine.call("gateway", "upstream-key", "where", NAME)
    assert said.code == 2
    assert f"chmod 600 {file}" in said.err
    assert KEY not in said.out + said.err
    if mode == 0o644:
        started = machine.call("gateway", "start", "--upstream", f"https://{NAME}/v1")
        assert (started.code, "chmod 600" in started.err) == (2, True)


def test_upstream_key_file_of_another_kind_is_not_repeated(machine: Machine) -> None:
    machine.data.mkdir(mode=0o700)
    file = machine.data / FILE_NAME
    for text in (KEY, json.dumps([KEY]), json.dumps({NAME: {"key": KEY}})):
        file.write_text(text)
        file.chmod(0o600)
        said = machine.call("gateway", "upstream-key", "where", NAME)
        assert (said.code, "not a file of upstream keys" in said.err) == (2, True)
        assert KEY not in said.err


@pytest.mark.parametrize("words", [[NAME, KEY], ["sk-" + KEY], [KEY, KEY, KEY]])
def test_upstream_key_on_a_command_line_is_refused_and_not_repeated(machine: Machine, words: list[str]) -> None:
    said = machine.call("gateway", "upstream-key", "set", *words)
    assert (said.code, said.out) == (2, "")
    assert "shell's history" in said.err
    assert KEY not in said.err


def test_upstream_key_commands(machine: Machine, backend: Any) -> None:
    """With a keyring: kept, found, said where, forgotten; never printed."""
    backend("FileKeyring")
    said = [
        machine.call("gateway", "upstream-key", *words, stdin=stdin)
        for words, stdin in (
            (["where", NAME], ""),
            (["set", f"https://{NAME}/openai/v1", "--json"], f"{KEY}\n"),
            (["where", NAME], ""),
            (["set", NAME, "--in", "file"], KEY),
            (["where", NAME, "--json"], ""),
            (["forget", NAME], ""),
            (["forget", NAME], ""),
            (["set", NAME], " \n"),
            (["set", NAME], "two words"),
            (["set"], KEY),
        )
    ]
    assert [one.code for one in said] == [1, 0, 0, 0, 0, 0, 1, 2, 2, 2]
    assert said[1].json == {"upstream": NAME, "kept_in": "keyring (test keyring)"}
    assert "keyring (test keyring)" in said[2].out
    assert said[4].json["key_from"] == f"file {machine.data / FILE_NAME}"
    assert "which upstream?" in said[9].err
    for one in said:
        assert KEY not in one.out + one.err
        assert "Traceback" not in one.err


def test_upstream_key_that_cannot_be_written_leaves_no_part_of_it(machine: Machine) -> None:
    """A full disk, here as a limit for files."""
    assert machine.call("gateway", "upstream-key", "set", NAME, "--in", "file", stdin="the-old-one").code == 0
    command = [sys.executable, "-m", "joytui", "gateway", "upstream-key", "set", NAME, "--in", "file"]
    said = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command],
        env=machine.env, input=KEY, capture_output=True, text=True, timeout=HANG_S,
    )  # fmt: skip
    assert said.returncode == 2, said
    assert "the key cannot be stored: File too large" in said.stderr
    assert [path.name for path in machine.data.iterdir() if "upstream" in path.name] == [FILE_NAME]
    assert "the-old-one" in (machine.data / FILE_NAME).read_text()


def test_upstream_key_from_a_hidden_prompt(machine: Machine) -> None:
    command = [sys.executable, "-m", "joytui", "gateway", "upstream-key", "set", NAME]
    with Terminal(command, columns=100, lines=10, env=machine.env) as terminal:
        terminal.wait_for("not shown")
        terminal.send(*KEY, "enter")
        assert terminal.wait_exit() == 0
        assert KEY not in terminal.output
        assert "stored the key for" in terminal.output
    assert json.loads((machine.data / FILE_NAME).read_text()) == {NAME: KEY}


async def test_upstream_key_reaches_the_upstream_and_nothing_else(tmp_path: Path) -> None:
    """From the file, in a real gateway: the upstream gets it; status, store, log and answers have only where it came from."""
    async with ChatUpstream(lambda seen: answer_json(ANSWER)) as upstream:
        (tmp_path / "data").mkdir(mode=0o700)
        keys = UpstreamKeys(tmp_path / "data" / FILE_NAME, {})
        keys.keep("127.0.0.1", KEY, to="file")
        async with served(tmp_path, upstream=upstream.url) as here:
            got = await here.chat(await here.key())
            assert got.status_code == 200
            assert upstream.turns[0].headers["authorization"] == f"Bearer {KEY}"
            status = await here.ask("status")
            assert status["upstreams"][0]["key_from"] == f"file {keys.file}"
            await here.logs()
            shown = json.dumps([await here.ask(path) for path in ("status", "requests", "keys")]) + got.text
            assert KEY not in shown
            stored = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("ledger*"))
            assert KEY.encode() not in stored


@pytest.mark.slow
def test_upstream_key_of_a_background_gateway(machine: Machine) -> None:
    """`gateway start` finds it in the keyring; `gateway status` says so; no key, whole or in part, in words or log."""
    assert machine.run("gateway", "upstream-key", "set", "127.0.0.1", stdin=KEY, env=with_keyring()).code == 0
    started = machine.run("gateway", "start", "--upstream", "http://127.0.0.1:9/v1", "--access-log", env=with_keyring())
    assert started.code == 0, started.err
    status = machine.run("gateway", "status")
    assert "http://127.0.0.1:9/v1 (api not asked yet; key: keyring (test keyring))" in status.out
    made = machine.ask("keys", "create", "dev")["key"]
    url = machine.ask("gateway", "status")["url"]
    answer = httpx.post(
        f"{url}/openai/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": KEY}]},
        headers={"authorization": f"Bearer {made}"}, trust_env=False, verify=False,
    )  # fmt: skip
    assert answer.status_code == 502
    log = (machine.data / "gateway.log").read_text()
    assert "kB; rotated to gateway.log.1 at 1,000 kB" in machine.run("gateway", "status").out
    for text in (started.out, started.err, status.out, log, answer.text):
        assert KEY not in text
    assert KEY not in (machine.data / FILE_NAME).read_text()


def test_upstream_key_a_gateway_that_keeps_none_does_not_load_the_keyring(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from joytui.gateway.upstream_keys import UpstreamKeys;"
        "keys = UpstreamKeys(pathlib.Path(sys.argv[1]), {'UP': 'x'}); assert keys.find('a', 'UP') and not keys.find('a');"
        "assert 'keyring' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / FILE_NAME)], check=True, timeout=HANG_S)


async def test_upstream_key_of_a_host_goes_to_no_two_upstreams(machine: Machine) -> None:
    """Without names both go by their addresses; a key that was kept for the host is given to neither."""
    async with (
        ChatUpstream(lambda seen: answer_json({"error": {"message": "x"}}, 503)) as one,
        ChatUpstream(lambda seen: answer_json(ANSWER)) as other,
    ):
        urls = [one.url, other.url]
        tables = "".join(f'[[gateway.upstreams]]\nurl = "{url}/"\n' for url in urls)
        (machine.folder / "config.toml").write_text(tables)
        settings = load_settings(machine.folder / "config.toml", {})
        names = [url.removeprefix("http://") for url in urls]
        assert [upstream.name for upstream in wanted_upstreams(settings)] == names
        keys = UpstreamKeys(machine.data / FILE_NAME, {})
        keys.keep("127.0.0.1", "for-one-of-them", to="file")
        with pytest.raises(SettingsError, match="several upstreams are there") as caught:
            upstream_of(settings, keys)
        assert names[0] in (caught.value.hint or "")
        for url, key in zip(urls, ("key-of-one", "key-of-the-other"), strict=True):
            said = machine.call("gateway", "upstream-key", "set", url, "--in", "file", stdin=key)
            assert (said.code, "warning" in said.err) == (0, False)
        upstream = upstream_of(settings, keys)
        await read(upstream, model_call("chat/completions", stream=False))
        await upstream.aclose()
        assert [seen.headers["authorization"] for seen in (one.requests[-1], other.requests[-1])] == [
            "Bearer key-of-one",
            "Bearer key-of-the-other",
        ]


def test_upstream_key_a_name_that_the_settings_do_not_have_is_told(machine: Machine) -> None:
    def keep(name: str) -> str:
        said = machine.call("gateway", "upstream-key", "set", name, "--in", "file", stdin=KEY)
        assert said.code == 0
        return said.err

    assert "warning: no upstream in the settings is called api.example.com (they have none)" in keep(NAME)
    (machine.folder / "config.toml").write_text(f'[[gateway.upstreams]]\nurl = "https://{NAME}/v1"\n')
    assert "did you mean api.example.com?" in keep("api.exmple.com")
    assert "warning" not in keep(NAME)
    assert machine.call("gateway", "upstream-key", "set", "http://[", stdin=KEY).code == 2


def test_two_upstreams_of_one_name_are_refused(machine: Machine) -> None:
    tables = '[[gateway.upstreams]]\nname = "a"\nurl = "https://x.example/v1"\n' * 2
    (machine.folder / "config.toml").write_text(tables)
    said = machine.call("gateway", "settings")
    assert (said.code, "two upstreams are called 'a'" in said.err) == (2, True)
