"""A store's URL: which part goes to the server, which is ours, and that a password is never shown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from joytui.core.errors import UnreachableError, UsageError
from joytui.ledger.engines import named_store, open_ledger, refuse_password, shown
from joytui.ledger.postgres import url

SECRET = "p@ss/w:rd"
WRITTEN = "p%40ss%2Fw%3Ard"
URLS = [
    f"postgresql://ada:{WRITTEN}@db.example.com:5433/team?sslmode=require",
    f"postgres://ada:{WRITTEN}@/team?host=/run/socket",
    f"postgresql://db.example.com/team?user=ada&password={WRITTEN}",
    f"POSTGRESQL://ada:{WRITTEN}@one:1,two:2/team",
]


@pytest.mark.parametrize("text", URLS)
def test_a_password_reaches_the_driver_and_nobody_else(text: str) -> None:
    store = url.parse(text)
    assert conninfo_to_dict(store.conninfo)["password"] == SECRET
    for told in (store.masked, str(store), repr(store), shown(text)):
        assert WRITTEN not in told
        assert SECRET not in told
        assert "***" in told
        assert "postgresql://" in told
    assert store.without_secrets(f'bad URL "{SECRET}", {WRITTEN}') == 'bad URL "***", ***'
    with pytest.raises(UsageError) as refused:
        refuse_password(text)
    words = str(refused.value)
    assert all(way in words for way in ("PGPASSWORD", "passfile", "JOYTUI_STORE"))
    assert WRITTEN not in words


@pytest.mark.parametrize(
    "text", [None, "/a/path", "postgresql://ada@db/team", "postgresql:///team?host=/run&passfile=/home/ada/pw"]
)
def test_a_store_without_a_password_may_stand_on_a_command_line(text: str | None) -> None:
    refuse_password(text)


def test_the_schema_is_ours_and_the_rest_is_the_servers() -> None:
    store = url.parse("postgres:///team?host=/run/my%20socket&schema=joytui_b&sslmode=disable")
    assert store.schema == "joytui_b"
    assert store.conninfo == "postgresql:///team?host=/run/my%20socket&sslmode=disable"
    assert url.parse("postgresql://db/team").schema == "joytui"


@pytest.mark.parametrize("schema", ["", "A", "a-b", 'a"', "a;b", "1a", "a" * 41])
def test_a_schema_has_a_plain_name(schema: str) -> None:
    with pytest.raises(UsageError, match="schema"):
        url.parse(f"postgresql://db/team?schema={schema}")


@pytest.mark.parametrize("text", ["postgresql://ada:secret1@[::1/team", "postgresql://ada:secret1@db/team?x"])
def test_what_cannot_be_read_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        url.parse(text)
    assert "secret1" not in str(refused.value)
    assert "secret1" not in shown(text)


def test_a_path_stays_a_path(tmp_path: Path) -> None:
    assert named_store(str(tmp_path / "l.sqlite3")) == tmp_path / "l.sqlite3"
    assert shown("/a/path") == "/a/path"


def test_without_the_driver_the_error_names_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("joytui.ledger.postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UnreachableError) as refused:
        open_ledger(named_store("postgresql://ada:secret1@db/team"))
    assert refused.value.exit_code == 3
    assert "joytui[postgres]" in str(refused.value)
    assert "secret1" not in str(refused.value)
