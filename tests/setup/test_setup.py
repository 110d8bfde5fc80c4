"""`joytui setup` on an empty home, on a home that has a config.toml, twice, and back again."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from joytui.codex.look import look
from joytui.codex.toml_reader import read_toml
from joytui.codex.world import Invocation
from joytui.doctor.fix.provider import provider_fix
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.joytui_process import Machine

OWN = """\
# mine
model = "gpt-5.5"  # my favourite
approval_policy = "on-request"

[model_providers.azure]
name = "azure"
base_url = "https://x.openai.azure.com/openai"
env_key = "AZURE_KEY"

[mcp_servers.docs]
command = "docs"   # keep
"""


def key_of(line: str) -> str:
    assert line.startswith('export JOY_TOKEN_API_KEY="jt_local_')
    assert line.count("\n") == 1
    return line.split('"')[1]


def with_key(key: str) -> dict[str, str]:
    return {"JOY_TOKEN_API_KEY": key}


def test_local_on_an_empty_home(machine: Machine, config: Path) -> None:
    said = machine.call("setup", "--local", "--yes")
    assert said.code == 0, said.err
    key = key_of(said.out)
    assert key not in said.err
    assert "~/.zshrc" in said.err
    assert "Codex works through the gateway" in said.err
    assert said.err.index("Codex works") < said.err.index("One thing left"), "the last word is what is left to do"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    url = machine.ask("gateway", "status")["url"]
    assert read_toml(config.read_text()).data == {
        "model_provider": "joytoken",
        "model": "auto",
        "model_providers": {
            "joytoken": {
                "name": "joytoken",
                "base_url": f"{url}/openai/v1",
                "env_key": "JOY_TOKEN_API_KEY",
                "supports_websockets": False,
                "model_catalog_url": f"{url}/openai/v1/codex/models",
            }
        },
    }
    (made,) = machine.ask("keys", "list")["keys"]
    policy = made["policy"]
    assert (policy["fixed_model"], policy["daily_limit"], policy["logs"]) == ("auto", "500", True)
    assert policy["ip_allow"] == ["127.0.0.0/8", "::1/128"]
    assert machine.send(url, key).status_code == 200
    assert [path.name for path in (machine.folder / "home").iterdir()] == [".codex"]  # no shell file was made

    again = machine.call("setup", "--local", "--yes", env=with_key(key))
    assert (again.code, again.out) == (0, ""), again.err
    assert "the key in this shell works here" in again.err
    assert len(machine.ask("keys", "list")["keys"]) == 1

    elsewhere = machine.call("setup", "--local", "--yes")
    assert (elsewhere.code, elsewhere.out) == (1, "")
    assert "--new-key" in elsewhere.err
    renewed = machine.call("setup", "--local", "--yes", "--new-key")
    assert renewed.code == 0, renewed.err
    assert key_of(renewed.out) != key
    assert machine.send(url, key).status_code in (401, 403)
    assert machine.send(url, key_of(renewed.out)).status_code == 200

    removed = machine.call("setup", "--remove")
    assert removed.code == 0, removed.err
    assert list(config.parent.iterdir()) == []

    by_address = machine.call("setup", "--base-url", f"{url}/openai/v1", "--yes", env=with_key(key_of(renewed.out)))
    assert by_address.code == 0, by_address.err
    assert (
        f'model_catalog_url = "{url}/openai/v1/codex/models"' in config.read_text()
    )  # asked with this key, it lists them


@pytest.mark.slow
def test_an_older_codex_gets_a_copy_of_the_models(machine: Machine, config: Path, tmp_path: Path) -> None:
    """As 0.140 takes them; --remove gives both files back, also where config.toml was edited since."""
    old = tmp_path / "bin"
    old.mkdir()
    (old / "codex").write_text('#!/bin/sh\necho "codex-cli 0.140.0"\n')
    (old / "codex").chmod(0o755)
    env = {"PATH": f"{old}:/usr/bin:/bin"}
    said = machine.call("setup", "--local", "--yes", env=env)
    assert said.code == 0, said.err
    copy = config.parent / "joytui-models.json"
    assert f'model_catalog_json = "{copy}"' in config.read_text()
    (entry,) = json.loads(copy.read_text())["models"]
    assert (entry["slug"], len(entry["base_instructions"])) == ("auto", 20_771)
    again = machine.call("setup", "--local", "--yes", env={**env, **with_key(key_of(said.out))})
    assert again.code == 0, again.err
    assert "the gateway's models" not in again.err
    assert machine.call("setup", "--remove").code == 0
    assert list(config.parent.iterdir()) == []

    said = machine.call("setup", "--local", "--yes", "--new-key", env=env)
    assert said.code == 0, said.err
    config.write_text(config.read_text() + "\n[tui]\nanimations = false\n")
    assert machine.call("setup", "--remove").code == 0
    assert read_toml(config.read_text()).data == {"tui": {"animations": False}}


def test_direct_keeps_what_is_there_and_remove_gives_the_bytes_back(machine: Machine, config: Path) -> None:
    config.parent.mkdir()
    config.write_text(OWN)
    config.chmod(0o640)
    with FaultGateway("healthy") as gateway:
        said = machine.call("setup", "--base-url", gateway.base_url, "--yes", env=with_key(GOOD_KEY))
        assert (said.code, said.out) == (0, ""), said.err
        assert GOOD_KEY not in said.err
        text = config.read_text()
        assert stat.S_IMODE(config.stat().st_mode) == 0o640
        assert text.startswith('# mine\nmodel = "auto"  # my favourite\n')
        for line in OWN.splitlines()[2:]:
            assert line in text.splitlines()
        assert machine.call("setup", "--base-url", gateway.base_url, "--yes", env=with_key(GOOD_KEY)).code == 0
        assert config.read_text() == text
        assert machine.call("setup", "--base-url", gateway.base_url, "--model", "gpt-5.5", "--yes").code == 1
    assert machine.call("setup", "--remove").code == 0
    assert config.read_text() == OWN
    assert [path.name for path in config.parent.iterdir()] == ["config.toml"]
    assert machine.call("setup", "--remove").code == 1


def test_remove_after_own_edits_takes_out_the_provider_alone(machine: Machine, config: Path) -> None:
    config.parent.mkdir()
    config.write_text(OWN)
    machine.call("setup", "--direct", "--yes", "--base-url", "http://127.0.0.1:9/openai/v1")
    config.write_text(config.read_text() + "\n[tui]\nanimations = false # later\n")
    said = machine.call("setup", "--remove")
    assert said.code == 0
    assert "your own changes since then stay" in said.err
    assert read_toml(config.read_text()).data == read_toml(OWN + "\n[tui]\nanimations = false\n").data
    assert "animations = false # later" in config.read_text()
    assert machine.call("setup", "--remove").code == 1


@pytest.mark.parametrize(
    ("version", "asks"), [("0.94.0", False), ("0.160.1", False), ("0.161.0", True), ("0.171.0", True)]
)
def test_the_models_are_named_to_a_codex_that_asks_for_them(tmp_path: Path, version: str, asks: bool) -> None:
    world = look(Invocation((), {"CODEX_HOME": str(tmp_path)}, tmp_path, codex_version=version))
    (change,) = provider_fix(world, "http://127.0.0.1:8791/openai/v1/", "auto", lists_models=True).changes
    assert (b'model_catalog_url = "http://127.0.0.1:8791/openai/v1/codex/models"' in change.new) is asks


@pytest.mark.parametrize(("file", "goes"), [("joytui-models.json", True), ("mine.json", False)])
def test_the_copy_of_an_older_codex_goes(tmp_path: Path, file: str, goes: bool) -> None:
    """A file goes before the address: the user's own stays."""
    (tmp_path / "config.toml").write_text(f'model_catalog_json = "{tmp_path / file}"\n')
    world = look(Invocation((), {"CODEX_HOME": str(tmp_path)}, tmp_path, codex_version="0.171.0"))
    (change,) = provider_fix(world, "http://127.0.0.1:8791/openai/v1", "auto", lists_models=True).changes
    assert (b"model_catalog_json" in change.new) is not goes


def test_the_models_of_the_gateway_from_before_go(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'model_provider = "joytoken"\nmodel = "auto"\n[model_providers.joytoken]\nname = "joytoken"\n'
        'base_url = "http://127.0.0.1:8791/openai/v1"\nmodel_catalog_url = "http://127.0.0.1:8791/openai/v1/codex/models"\n'
    )
    world = look(Invocation((), {"CODEX_HOME": str(tmp_path)}, tmp_path, codex_version="0.171.0"))
    (change,) = provider_fix(world, "https://api.example.com/openai/v1", "auto", lists_models=False).changes
    assert b"model_catalog_url" not in change.new
    changed = provider_fix(world, "http://127.0.0.1:8791/openai/v1", "auto", lists_models=False).changes[0].new
    assert b"model_catalog_url" in changed


def test_another_way_to_authenticate_goes(machine: Machine, config: Path) -> None:
    config.parent.mkdir()
    config.write_text(
        'model_provider = "joytoken"\n[model_providers.joytoken]\nname = "OpenAI"\nwire_api = "chat" # why\n'
        'env_key = "TEAM_KEY"\nrequires_openai_auth = true # old\nsupports_websockets = true\n'
    )
    with FaultGateway("healthy") as gateway:
        said = machine.call("setup", "--yes", "--base-url", gateway.base_url, env={"TEAM_KEY": GOOD_KEY})
        assert said.code == 0, said.err
    table = read_toml(config.read_text()).data["model_providers"]["joytoken"]
    assert table == {
        "name": "joytoken",
        "wire_api": "responses",
        "env_key": "TEAM_KEY",
        "supports_websockets": False,
        "base_url": gateway.base_url,
    }
    assert "# old" in config.read_text()


def test_print_changes_nothing(machine: Machine, config: Path) -> None:
    for words in (("--print",), ("--print", "--local"), ("--print", "--direct", "--model", "gpt-5.5")):
        said = machine.call("setup", *words)
        assert said.code == 0
        assert '+model_provider = "joytoken"' in said.out
        assert "export JOY_TOKEN_API_KEY=" in said.err
    assert not config.parent.exists()
    assert not machine.data.exists()


def test_fish_and_codex_home(machine: Machine, config: Path) -> None:
    elsewhere = machine.folder / "codex"
    elsewhere.mkdir()
    env = {"SHELL": "/usr/bin/fish", "CODEX_HOME": str(elsewhere)}
    said = machine.call("setup", "--direct", "--yes", "--base-url", "http://127.0.0.1:9/openai/v1", env=env)
    assert said.code == 1  # no key yet
    assert "set -gx JOY_TOKEN_API_KEY" in said.err
    assert "config.fish" in said.err
    assert (elsewhere / "config.toml").exists()
    assert not config.exists()


def test_a_broken_file_is_left_to_the_doctor(machine: Machine, config: Path) -> None:
    config.parent.mkdir()
    config.write_text("model = “auto”\n")
    said = machine.call("setup", "--direct", "--yes")
    assert said.code == 1
    assert "joytui doctor --fix" in said.err
    assert config.read_text() == "model = “auto”\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "stdin is not a terminal"),
        (("--local", "--base-url", "http://127.0.0.1:9/openai/v1"), "cannot be combined"),
        (("--direct", "--local"), "not allowed with"),
        (("--direct", "--base-url", "api.example.com"), "not an http(s) address"),
        (("--direct", "--base-url", "https://me:secret@api.example.com/openai/v1"), "only scheme, host and path"),
        (("--local", "--upstream", "http://127.0.0.1:9", "--upstream-key-env", "NOPE"), "NOPE is not set"),
        (("--local", "--upstream-key-env", "JOY_TOKEN_API_KEY"), "will hold Codex's key"),
        (("--local", "--daily", "much"), "--daily"),
        (("--yes", "--model", ""), "--model"),
    ],
)
def test_wrong_words(machine: Machine, config: Path, words: tuple[str, ...], told: str) -> None:
    said = machine.call("setup", *words)
    assert said.code == 2
    assert told in said.err
    assert "secret" not in said.err
    assert not config.exists()


@pytest.mark.parametrize("where", ["--local", "--direct"])
def test_where_nobody_can_answer_it_names_yes(machine: Machine, config: Path, where: str) -> None:
    said = machine.call("setup", where)
    assert said.code == 1
    assert "nothing was written" in said.err
    assert "--yes" in said.err
    assert not config.exists()
