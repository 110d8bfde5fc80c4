"""`joytui telemetry on`, `off`, `status`: config.toml with joytui's exporter in it, and as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from joytui.cli.main import main
from joytui.cli.telemetry_command import TOKEN_VARIABLE

TOKEN = "jtt_" + "a1b2c3" * 7
URL = "http://127.0.0.1:18791"
NONE = '[otel]\nexporter = "none"   # not yet\nlog_user_prompt = false\n'
BYTES = {
    "no file": None,
    "empty": b"",
    "plain": b'model = "auto"\n',
    "no end of line": b'model = "auto"',
    "windows": b'model = "auto"\r\n\r\n[otel]\r\nlog_user_prompt = false\r\n\r\n[tui]\r\n',
    "none": NONE.encode(),
    "inline": b'otel = { environment = "dev" }\n',
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "ch"))
    monkeypatch.setenv("JOYTUI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    (tmp_path / "ch").mkdir()
    return tmp_path / "ch"


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["telemetry", "status", "--json"]) == 0
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    assert told.keys() == {"on", "endpoint", "origin", "token", "last_received"}
    return told


@pytest.mark.parametrize("before", BYTES.values(), ids=BYTES)
def test_on_is_taken_out_again_byte_for_byte(
    before: bytes | None, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "config.toml"
    if before is not None:
        file.write_bytes(before)
    assert main(["telemetry", "on", "--gateway", URL, "--yes"]) == 0
    said = capsys.readouterr()
    assert TOKEN not in said.err + said.out
    assert said.out == ""
    written = file.read_bytes()
    told = status(capsys)
    assert (told["on"], told["endpoint"], told["token"]) == (True, f"{URL}/otlp/v1/logs", None)
    assert str(told["origin"]).startswith(f"{file}:")
    assert main(["telemetry", "on", "--gateway", URL, "--yes"]) == 0
    assert file.read_bytes() == written, "once more changes nothing"
    assert main(["telemetry", "off", "--yes"]) == 0
    assert (file.read_bytes() if file.exists() else None) == before
    assert status(capsys)["on"] is False
    assert main(["telemetry", "off", "--yes"]) == 0


def test_another_gateway_takes_its_place_and_off_takes_out_both(home: Path) -> None:
    file = home / "config.toml"
    file.write_text(NONE)
    for url in (URL, "https://gw.example.com"):
        assert main(["telemetry", "on", "--gateway", url, "--yes"]) == 0
    assert "https://gw.example.com/otlp/v1/logs" in file.read_text()
    assert main(["telemetry", "off", "--yes"]) == 0
    assert file.read_text() == NONE


def test_what_was_edited_since_stays(home: Path) -> None:
    file = home / "config.toml"
    file.write_text('model = "auto"\n')
    assert main(["telemetry", "on", "--gateway", URL, "--yes"]) == 0
    file.write_text(file.read_text() + '\n[tui]\ntheme = "x"\n')
    assert main(["telemetry", "off", "--yes"]) == 0
    text = file.read_text()
    assert "exporter" not in text
    assert text.startswith('model = "auto"\n')
    assert text.endswith('[tui]\ntheme = "x"\n')
    assert main(["telemetry", "off", "--yes"]) == 0
    assert file.read_text() == text


@pytest.mark.parametrize(
    "own",
    [
        '[otel]\nexporter = { otlp-http = { endpoint = "https://collector.example/v1/logs", protocol = "binary" } }\n',
        '[otel]\nexporter = { otlp-grpc = { endpoint = "https://collector.example:4317" } }\n',
        '[otel.exporter.otlp-http]\nendpoint = "https://gw.example/otlp/v1/logs"\nprotocol = "json"\nheaders = { authorization = "Bearer mine" }\n',
        '[otel]\nexporter = "statsig"\n',
    ],
)
def test_an_exporter_of_the_users_own_stays(own: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.toml").write_text(own)
    assert main(["telemetry", "on", "--gateway", URL, "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"{home}/config.toml:2" in said
    assert "forward" in said
    assert main(["telemetry", "off", "--yes"]) == 0
    assert (home / "config.toml").read_text() == own
    assert status(capsys)["on"] is False


def test_nothing_is_written_unasked(home: Path) -> None:
    assert main(["telemetry", "on", "--gateway", URL]) == 1
    assert not (home / "config.toml").exists()


@pytest.mark.parametrize("wrong", ["jt_live_0123456789abcdef", "jtt_with space"])
def test_what_is_no_telemetry_token_is_not_written(wrong: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, wrong)
    assert main(["telemetry", "on", "--gateway", URL, "--yes"]) == 2
    assert not (home / "config.toml").exists()


def test_a_file_that_codex_cannot_read_is_not_touched(home: Path) -> None:
    (home / "config.toml").write_text("model = \n")
    assert main(["telemetry", "on", "--gateway", URL, "--yes"]) == 1
    assert (home / "config.toml").read_text() == "model = \n"
