"""Broken file, `joytui doctor --fix --yes`, healthy verdict against a real server; and `--undo` gives the old bytes back."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixing.broken import BROKEN, GOOD, PROVIDER_LINE, Broken, changed
from tests.fixing.conftest import VERSION
from tests.support.fault_gateway import GOOD_KEY
from tests.support.http_by_hand import Request
from tests.support.joytui_process import Machine, Said
from tests.support.ruled_gateway import OK, RuledGateway

Lay = Callable[[Broken], Path]
WIRE = next(one for one in BROKEN if one.name == "wire_chat")


def fix(machine: Machine, *words: str, args: tuple[str, ...] = ()) -> Said:
    return machine.call("doctor", "--fix", *words, *VERSION, "--", *args)


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.name)
def test_broken_mended_healthy_undone(broken: Broken, machine: Machine, home: Path, lay: Lay) -> None:
    place = lay(broken)
    before = contents(home)
    first = machine.call("doctor", "--json", *VERSION, "--", *broken.args)
    assert (first.code, first.json["verdict"]["cause"]) == (1, broken.cause)

    mended = fix(machine, "--yes", "--json", args=broken.args)
    assert (mended.code, mended.json["verdict"]["works"]) == (0, True), mended.err
    backups = [path for path in home.iterdir() if path.name.endswith(".bak")]
    assert backups
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in backups)
    assert all("jt_" not in path.name for path in backups)
    assert "planted" not in mended.out + mended.err
    if isinstance(broken.config, str) and "\r" not in broken.config:
        assert "# not to be touched" in place.read_text()
        assert comments(place.read_text()) >= comments(before["config.toml"].decode()) - moved(home)

    undone = machine.call("doctor", "--undo")
    assert undone.code == 0, undone.err
    assert contents(home) == before
    assert machine.call("doctor", "--undo").code == 1


def comments(text: str) -> set[str]:
    return {line.partition("#")[2].strip() for line in text.splitlines() if "#" in line}


def moved(home: Path) -> set[str]:
    """Comments that went into a profile's own file."""
    return set().union(*(comments(path.read_text()) for path in home.glob("*.config.toml"))) | {"mine"}


def test_two_faults_are_mended_one_after_the_other(machine: Machine, home: Path, lay: Lay) -> None:
    place = lay(Broken("two", "", changed("/openai/v1", "/v1").replace(PROVIDER_LINE, "").replace('"auto"', "“auto”")))
    before = place.read_bytes()
    assert fix(machine, "--yes").code == 0
    for _ in range(3):
        assert machine.call("doctor", "--undo").code == 0
    assert place.read_bytes() == before


def test_a_missing_config_is_written_and_taken_away_again(machine: Machine, home: Path) -> None:
    mended = fix(machine, "--yes", "--no-send", "--json")
    assert mended.code == 0, mended.err
    assert 'base_url = "https://api-dev.joytokens.ai/openai/v1"' in (home / "config.toml").read_text()
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600
    assert "is removed again" in machine.call("doctor", "--undo").out
    assert contents(home) == {}


def test_a_warning_is_mended_by_its_name(machine: Machine, home: Path, lay: Lay) -> None:
    place = lay(Broken("openai", "", changed('name = "joytoken"', 'name = "OpenAI"')))
    assert machine.call("doctor", *VERSION).code == 0
    assert fix(machine, "provider-named-openai", "--yes").code == 0
    assert 'name = "joytoken"' in place.read_text()
    said = fix(machine, "provider-named-openai", "--yes")
    assert "was not found here" in said.err


def test_what_no_file_mends_is_told(machine: Machine, home: Path, good: str) -> None:
    before = contents(home)
    said = machine.call("doctor", "--fix", "--yes", *VERSION, env={"JOY_TOKEN_API_KEY": ""})
    assert said.code == 1
    assert "joytui does not change this itself" in said.err
    assert "export JOY_TOKEN_API_KEY='<your key>'" in said.out
    assert contents(home) == before


def test_healthy_is_left_alone(machine: Machine, home: Path, good: str) -> None:
    assert fix(machine, "--yes").code == 0
    assert contents(home) == {"config.toml": good.encode()}


# --- what must not happen


def test_nothing_is_asked_where_nobody_can_answer(machine: Machine, home: Path, lay: Lay) -> None:
    before = lay(WIRE).read_bytes()
    said = machine.run("doctor", "--fix", *VERSION)
    assert said.code == 2
    assert "--yes" in said.err
    assert contents(home) == {"config.toml": before}


def test_a_symlink_is_followed_and_said(machine: Machine, home: Path, lay: Lay) -> None:
    place = lay(WIRE)
    target = machine.folder / "dotfiles.toml"
    place.rename(target)
    place.symlink_to(target)
    target.chmod(0o640)
    before = target.read_bytes()
    said = fix(machine, "--yes")
    assert said.code == 0
    assert f"{place} is a link; the file that changes is {target}" in said.err
    assert place.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert machine.call("doctor", "--undo").code == 0
    assert place.is_symlink()
    assert target.read_bytes() == before
    assert [path.name for path in machine.folder.glob("dotfiles*")] == ["dotfiles.toml"]


def test_a_read_only_file_stays(machine: Machine, home: Path, lay: Lay) -> None:
    place = lay(WIRE)
    before = place.read_bytes()
    place.chmod(0o444)
    said = fix(machine, "--yes")
    assert said.code == 1
    assert "is read-only" in said.err
    assert "chmod u+w" in said.err
    assert contents(home) == {"config.toml": before}


def test_undo_refuses_where_the_file_changed_since(machine: Machine, home: Path, lay: Lay) -> None:
    place = lay(WIRE)
    assert fix(machine, "--yes").code == 0
    place.write_text(place.read_text() + "# mine\n")
    before = contents(home)
    said = machine.call("doctor", "--undo")
    assert said.code == 1
    assert "changed since" in said.err
    assert f"diff {place}.joytui-" in said.err
    assert f" {place}`" in said.err.split("`cp ", 1)[1]
    assert contents(home) == before


def test_undo_says_how_a_file_of_its_own_goes_that_was_edited_since(machine: Machine, home: Path) -> None:
    place = home / "config.toml"
    machine.call("doctor", "--fix", "--yes", "--no-send")  # the guide's own block, whose gateway is not asked here
    place.write_text(place.read_text() + "# mine\n")
    said = machine.call("doctor", "--undo")
    assert said.code == 1
    assert f"`rm {place}`" in said.err


def test_byte_order_mark_and_windows_line_ends_stay(machine: Machine, home: Path, lay: Lay, good: str) -> None:
    place = home / "config.toml"
    windows = ("\ufeff" + good.replace('model = "auto"', 'model = ""').replace("\n", "\r\n")).encode()
    place.write_bytes(windows)
    assert fix(machine, "--yes").code == 0
    assert place.read_bytes() == ("\ufeff" + good.replace("\n", "\r\n")).encode()
    assert machine.call("doctor", "--undo").code == 0
    assert place.read_bytes() == windows


def test_what_throws_something_away_is_not_done_by_yes(machine: Machine, home: Path, lay: Lay) -> None:
    place = lay(Broken("both", "", GOOD + '\n[model_providers.joytoken.auth]\ncommand = "echo"\n'))
    before = place.read_bytes()
    said = fix(machine, "--yes")
    assert said.code == 1
    assert "needs your own decision" in said.err
    assert place.read_bytes() == before


def test_the_header_in_which_the_key_was_seen_to_work_is_written(machine: Machine, home: Path) -> None:
    def takes_api_key(request: Request) -> tuple[int, str]:
        return (200, OK) if request.header("api-key") == GOOD_KEY else (401, '{"message":"Missing subscription key."}')

    with RuledGateway(takes_api_key) as gateway:
        (home / "config.toml").write_text(GOOD.replace("{ORIGIN}", f"http://127.0.0.1:{gateway.port}"))
        mended = fix(machine, "--yes", "--json")
        assert (mended.code, mended.json["verdict"]["works"]) == (0, True), mended.err
    text = (home / "config.toml").read_text()
    assert "\nenv_key" not in text
    assert 'api-key = "JOY_TOKEN_API_KEY"' in text.replace('"api-key"', "api-key")


def test_keys_that_a_newer_codex_may_know_are_not_renamed_by_yes(machine: Machine, home: Path, lay: Lay) -> None:
    typo = next(one for one in BROKEN if one.name == "strict_typo")
    place = lay(typo)
    before = place.read_bytes()
    said = machine.call("doctor", "--fix", "--yes", "--codex-version", "0.999.0", "--", *typo.args)
    assert said.code == 1
    assert "joytui was not tested with Codex 0.999.0" in said.err
    assert "needs your own decision" in said.err
    assert place.read_bytes() == before
