"""`joytui doctor` and its offline forms, through the command's own entry."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from joytui.causes import CAUSES
from joytui.cli.main import main
from joytui.doctor.says import triage
from tests.support.needs import needs

KEY = "jt_live_planted0123456789"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CODEX_HOME", "OPENAI_API_KEY", "CODEX_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("JOY_TOKEN_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(home: Path, text: str) -> None:
    (home / ".codex").mkdir(exist_ok=True)
    (home / ".codex" / "config.toml").write_text(text)


def test_a_machine_without_codex(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"]["cause"] == "config-missing"
    assert "codex-not-found" in [warning["cause"] for warning in report["warnings"]]


def test_a_patch_and_no_key_in_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config(home, f'model_provider = "j"\n[model_providers.j]\nname = "j"\nbase_url = "http://x.invalid/openai/v1"\nwire_api = "chat"\nexperimental_bearer_token = "{KEY}"\n')  # fmt: skip
    assert main(["doctor", "--json", "--no-send"]) == 1
    out = capsys.readouterr().out
    assert KEY not in out
    verdict = json.loads(out)["verdict"]
    assert verdict["cause"] == "wire-api-removed"
    assert verdict["fix"]["patch"] is None  # the context of the diff holds a secret


def test_a_patch(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config(home, '[model_providers.joytoken]\nname = "j"\nbase_url = "https://api-dev.joytokens.ai/openai/v1"\nenv_key = "JOY_TOKEN_API_KEY"\n')  # fmt: skip
    assert main(["doctor", "--json", "--no-send"]) == 1
    verdict = json.loads(capsys.readouterr().out)["verdict"]
    assert (verdict["cause"], verdict["row"], verdict["works"]) == ("provider-not-selected", "no-logs", False)
    assert '+model_provider = "joytoken"' in verdict["fix"]["patch"]


def test_nothing_sent_decides_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config(home, 'model_provider = "j"\nmodel = "auto"\n[model_providers.j]\nname = "j"\nbase_url = "http://x.invalid/openai/v1"\nenv_key = "JOY_TOKEN_API_KEY"\n')  # fmt: skip
    assert main(["doctor", "--json", "--no-send"]) == 0
    verdict = json.loads(capsys.readouterr().out)["verdict"]
    assert (verdict["works"], verdict["cause"]) == (None, None)


def test_a_report_is_shown_to_a_colleague(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    (home / "report.json").write_text(capsys.readouterr().out)
    assert main(["doctor", "--report", "report.json"]) == 1
    assert "There is no config.toml" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--timeout", "0"], ["--explain", "nonsense"], ["--report", "/nowhere"], ["--codex-version", "x"], ["--bogus"]])  # fmt: skip
def test_wrong_usage(home: Path, words: list[str]) -> None:
    assert main(["doctor", *words]) == 2


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_is_explained(cause: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--explain", cause]) == 0
    assert CAUSES[cause].title in capsys.readouterr().out


SAID = [
    ('Error loading config.toml: `wire_api = "chat"` is no longer supported.', ["wire-api-removed"]),
    ("ERROR: Missing environment variable: `JOY_TOKEN_API_KEY`.", ["key-unset", "key-shadowed-by-dotenv", "key-stale-daemon"]),
    ("ERROR: unexpected status 402 Payment Required: daily quota exceeded, url: http://h/openai/v1/responses", ["insufficient-quota"]),
    ("ERROR: stream disconnected before completion: stream closed before response.completed", ["not-an-event-stream", "stream-truncated", "error-in-200"]),
    ("ERROR: Reconnecting... waiting for network", ["connection-refused", "proxy-unreachable", "tls-untrusted"]),
    ("ERROR: We’re currently experiencing high demand, which may cause temporary errors.", ["gateway-error"]),
    ("", ["no-response", "stream-output-missing", "connection-timeout"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "causes"), SAID)
def test_codex_s_words(text: str, causes: list[str]) -> None:
    assert [cause.id for cause in triage(text).candidates] == causes


def test_says_by_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--says", SAID[0][0]]) == 1
    assert json.loads(capsys.readouterr().out)["candidates"][0]["cause"] == "wire-api-removed"


def test_a_models_hint_is_no_route() -> None:
    """The local gateway's own words name GET /api/v1/models as a hint; that is no redirect that lost the POST."""
    words = "model not found: gpt5.5 (use auto or a model key of the catalog, GET /api/v1/models)"
    url = "http://127.0.0.1:8791/openai/v1/responses"
    found = triage(f"ERROR: unexpected status 404 Not Found: {words}, url: {url}")
    assert found.candidates[0].id == "model-not-found"
    assert (
        triage(f"ERROR: unexpected status 404 Not Found: no route GET /x, url: {url}").candidates[0].id == "redirected"
    )


@needs("/dev/full")
def test_a_full_disk_behind_stdout() -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "joytui", "doctor", "--explain", "list"], stdout=full, stderr=-1, text=True
        )
    assert ended.returncode == 1
    assert "no space is left" in ended.stderr
    assert "Traceback" not in ended.stderr
