"""Planted secrets are in nothing that joytui prints, logs or keeps: commands, reports, ledger, caches, the gateway's log."""

from __future__ import annotations

import importlib.util
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from joytui.core.joytoken import KEY_VARIABLE
from tests.support.echo_upstream import echo_upstream
from tests.support.hang import HANG_S
from tests.support.real_setup import Setup

SECRETS = {
    "environment": "Zq8xWv3mTn7fLc1eYd2bRa9kHs5u",
    "bearer": "Pk4jGr6wNb0qXz8tMf3yVc7dEh1s",
    "header": "Ut9aKp2nJw5hBx7rQg4mSv0zLd6e",
    "literal": "jt_live_Ry3cFq8bWm1xTz6kNv5g",
    "userinfo": "Hd7sYk1pCe4wLx9vRb2nGt6jQa0m",
    "query": "Mx5vTb8hZr2gJn6qKw0dPc4fUy3a",
    "upstream": "Ew1zNf6kQs9rVt4bXh7mLg2yDj5p",
    "dotenv": "Bg0wRj3tXq7nHv2cKm9zFs4dPy6e",
}
PARTS = 10  # no part of a secret of this length may appear either
TABLE = '[model_providers.joytoken]\nname = "joytoken"\n'
HEAD = 'model_provider = "joytoken"\nmodel = "auto"\n' + TABLE


def configs(url: str) -> dict[str, str]:
    """config.toml for each place in which a key can stand."""
    base, host = f'base_url = "{url}/openai/v1"\n', url.removeprefix("http://")
    named = f'env_key = "{KEY_VARIABLE}"\n'
    header = SECRETS["header"]
    return {
        "environment": HEAD + base + named,
        "bearer": HEAD + base + f'experimental_bearer_token = "{SECRETS["bearer"]}"\n',
        "header": HEAD + base + f'http_headers = {{ Authorization = "Bearer {header}", "X-Api-Key" = "{header}" }}\n',
        "literal": HEAD + base + f'env_key = "{SECRETS["literal"]}"\n',
        "userinfo": HEAD + named + f'base_url = "http://me:{SECRETS["userinfo"]}@{host}/openai/v1"\n',
        "query": HEAD + base + named + f'query_params = {{ api_key = "{SECRETS["query"]}" }}\n',
        "syntax": HEAD + base + f'experimental_bearer_token = "{SECRETS["bearer"]}\n',
        "type": HEAD + base + f'experimental_bearer_token = ["{SECRETS["bearer"]}"]\n',
    }


class Collected:
    """Everything that was printed, by where it came from."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def command(
        self, setup: Setup, *words: str, label: str = "", ok: tuple[int, ...] = (0, 1, 2, 3), stdin: str = ""
    ) -> None:
        done = setup.joytui(*words, ok=ok, limit=HANG_S, stdin=stdin)
        self.texts[f"{label} joytui {' '.join(words)}"] = f"{done.stdout}\n{done.stderr}".encode()

    def files(self, *folders: Path) -> None:
        for folder in folders:
            for path in [folder] if folder.is_file() else folder.rglob("*"):
                if path.is_file():
                    self.texts[str(path)] = path.read_bytes()

    def search(self, secrets: dict[str, str]) -> list[str]:
        found = []
        for name, secret in secrets.items():
            parts = {secret[start : start + PARTS].encode() for start in range(0, len(secret) - PARTS + 1)}
            for place, text in self.texts.items():
                if any(part in text for part in parts):
                    found.append(f"{name} in {place}")
        return found


def has_command(name: str) -> bool:
    return importlib.util.find_spec(f"joytui.cli.{name}_command") is not None


def send(url: str, key: str) -> None:
    """A request as a client sends it; the gateway refuses it."""
    request = urllib.request.Request(f"{url}/openai/v1/responses?key={key}", data=b'{"model": "auto", "input": "hi"}')
    request.add_header("Authorization", f"Bearer {key}")
    request.add_header("Content-Type", "application/json")
    request.add_header("User-Agent", f"tool/1.0 token={key}")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=HANG_S)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\0\1 ... Wv3mTn7fLc1eYd ...")
    collected = Collected()
    collected.files(tmp_path)
    assert collected.search(SECRETS) == [f"environment in {tmp_path / 'log'}"]


@pytest.mark.slow
def test_no_command_no_log_no_store_holds_a_planted_secret(setup: Setup) -> None:
    collected = Collected()
    setup.env[KEY_VARIABLE] = SECRETS["environment"]
    with echo_upstream() as upstream:
        options = ("--upstream", upstream, "--upstream-key-env", "UP_KEY")
        url = setup.start_gateway(*options, env={"UP_KEY": SECRETS["upstream"]})
        for name, text in configs(url).items():
            (setup.codex_home / "config.toml").write_text(text)
            collected.command(setup, "doctor", "--json", label=name)
            collected.command(setup, "codex", "config", "--json", label=name)
        collected.command(setup, "doctor", label="text")
        (setup.codex_home / "config.toml").write_text(configs(url)["environment"])
        (setup.codex_home / ".env").write_text(f"{KEY_VARIABLE}={SECRETS['dotenv']}\n")
        collected.command(setup, "doctor", label="dotenv")
        (setup.codex_home / ".env").unlink()
        send(url, SECRETS["environment"])
        key = setup.create_key("good")["key"]
        send(url, key)
        collected.command(setup, "doctor", "--json", label="upstream refuses")
        rest(collected, setup)
        setup.stop_gateway()
    collected.files(setup.folder / "data", setup.folder / "gateway.stderr")
    assert len(collected.texts) > 30
    assert any("ledger" in place for place in collected.texts)
    assert collected.search({**SECRETS, "gateway's key": key}) == []


def rest(collected: Collected, setup: Setup) -> None:
    """The other commands, on what the gateway has seen by now."""
    for words in (("logs",), ("logs", "--json"), ("keys", "list"), ("keys", "list", "--json"), ("wallet", "show")):
        collected.command(setup, *words)
    for source in ("gateway", "codex", "both"):
        collected.command(setup, "usage", "--source", source, "--by", "model", "--json")
    collected.command(setup, "gateway", "status")
    said = f"unexpected status 401 Unauthorized: Incorrect API key provided: {SECRETS['literal']}"
    collected.command(setup, "doctor", "--says", said)
    for name, words in (("report", ("--print",)), ("triage", ())):
        if has_command(name):
            collected.command(setup, name, *words, stdin=said)


@pytest.mark.codex
def test_what_the_real_codex_leaks_into_its_rollouts_goes_no_further(setup: Setup) -> None:
    """Codex 0.169 prints a literal key in `env_key` and writes it into its rollout: a source that joytui reads."""
    collected = Collected()
    setup.with_codex()
    url = setup.start_gateway()
    (setup.codex_home / "config.toml").write_text(configs(url)["literal"])
    assert setup.codex("say hi").exit_code == 1
    assert any(SECRETS["literal"].encode() in path.read_bytes() for path in setup.rollouts())
    setup.env[KEY_VARIABLE] = SECRETS["environment"]
    (setup.codex_home / "config.toml").write_text(configs(url)["environment"])
    assert setup.codex("say hi", "-c", "model_providers.joytoken.stream_max_retries=0").exit_code == 1
    collected.command(setup, "doctor", "--json")
    collected.command(setup, "doctor", "--with-codex")
    rest(collected, setup)
    setup.stop_gateway()
    collected.files(setup.folder / "data", setup.folder / "gateway.stderr")
    assert any("rollouts-" in place for place in collected.texts)
    assert collected.search(SECRETS) == []
