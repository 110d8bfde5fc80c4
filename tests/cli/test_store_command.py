"""`joytui store` as scripts use it: which store is meant, exit codes, JSON, and words for what goes wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from joytui.cli.progress import Progress
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import START, add
from tests.support.joytui_process import Machine


def store(path: Path, rows: int = 3) -> Path:
    ledger = SqliteLedger.open_store(path)
    for number in range(rows):
        add(ledger, START + number)
    ledger.close()
    return path


def test_check(machine: Machine) -> None:
    missing = machine.call("store", "check")
    assert (missing.code, missing.out) == (3, "")
    assert f"{machine.data / 'ledger.sqlite3'}: there is no store" in missing.err
    kept = store(machine.data / "ledger.sqlite3")
    good = machine.call("store", "check", "--json")
    assert (good.code, good.err) == (0, "")
    assert (good.json["store"], good.json["ok"]) == (str(kept), True)
    assert {check["ok"] for check in good.json["checks"]} == {True}
    with closing(sqlite3.connect(kept)) as connection, connection:
        connection.execute("UPDATE rollup_day SET input_tokens = 7")
    bad = machine.call("store", "check")
    assert bad.code == 1
    assert "✗ rows" in bad.out
    assert "2026-11-23, no key: its rows have input_tokens 0; its sums have input_tokens 7" in bad.out
    told = machine.call("store", "check", "--json").json
    assert not told["ok"]
    assert [check["name"] for check in told["checks"] if not check["ok"]] == ["hours", "parts", "rows"]


def test_which_store_is_meant(machine: Machine) -> None:
    """The one that is named, else JOYTUI_STORE, else JOYTUI_GATEWAY_STORE, else the setting, else the data folder's."""
    paths = {name: store(machine.folder / name, rows=1) for name in ("named", "variable", "gateway", "setting")}
    found = []
    env: dict[str, str] = {}
    (machine.folder / "config.toml").write_text(f'[gateway]\nstore = "{paths["setting"]}"\n')
    for name, words in (("setting", []), ("gateway", []), ("variable", []), ("named", [str(paths["named"])])):
        env |= {
            "gateway": {"JOYTUI_GATEWAY_STORE": str(paths[name])},
            "variable": {"JOYTUI_STORE": str(paths[name])},
        }.get(name, {})
        found.append(machine.call("store", "check", *words, "--json", env=env).json["store"])
    assert found == [str(paths[name]) for name in ("setting", "gateway", "variable", "named")]


def test_copy_and_backup(machine: Machine) -> None:
    kept, to = store(machine.data / "ledger.sqlite3"), str(machine.folder / "copied")
    first, again = (machine.call("store", "copy", str(kept), to, "--json") for _ in range(2))
    assert [(said.code, said.json["copied"]) for said in (first, again)] == [(0, True), (0, False)]
    assert first.json["rows"] == again.json["rows"] > 3
    assert "nothing to do" in machine.call("store", "copy", str(kept), to).out
    store(machine.folder / "other", rows=1)
    refused = machine.call("store", "copy", str(kept), str(machine.folder / "other"))
    assert (refused.code, "not empty" in refused.err) == (1, True)
    assert machine.call("store", "copy", str(kept), str(kept)).code == 2
    assert machine.call("store", "copy", "nowhere", to).code == 3
    saved = machine.call("store", "backup", str(machine.folder / "saved"), "--json")
    assert saved.code == 0
    assert saved.json["bytes"] == (machine.folder / "saved").stat().st_size
    assert machine.call("store", "check", str(machine.folder / "saved")).code == 0
    assert machine.call("store", "backup", str(machine.folder / "saved")).code == 1


def test_a_server_is_backed_up_by_its_own_program(machine: Machine) -> None:
    """Nothing was written, so that is no success; the password of JOYTUI_STORE is not in what is to be typed."""
    env = {"JOYTUI_STORE": "postgresql://ann:s3cret@db.example/team?schema=joy&sslmode=require"}
    said = machine.call("store", "backup", "/backups/a b.dump", env=env)
    assert (said.code, said.out) == (1, "")
    assert (
        "pg_dump --format=custom --schema=joy --file='/backups/a b.dump' 'postgresql://ann@db.example/team?sslmode=require'"
    ) in said.err
    assert "s3cret" not in said.err
    for words in (("check", env["JOYTUI_STORE"]), ("copy", "a", env["JOYTUI_STORE"])):
        refused = machine.call("store", *words)
        assert (refused.code, "PGPASSWORD" in refused.err, "s3cret" in refused.err) == (2, True, False)


def test_progress_is_one_line_on_a_terminal_and_rare_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Progress("rows")
    elsewhere("copying", 1, 4)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    terminal = Progress("rows")
    terminal("copying", 1_000, 4_000)
    terminal("copying", 1_001, 4_000)
    terminal.clear()
    assert capsys.readouterr().err.split("\r") == ["", "copying: 25% of 4,000 rows", " " * 26, ""]
