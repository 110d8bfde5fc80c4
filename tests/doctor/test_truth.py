"""`--with-codex` decides: what the installed Codex does is the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor import examine
from joytui.doctor.truth import compare
from tests.support.raw_gateway import CONFIG, HEAD, KEY, OK, answering

ANSWERS = """echo '{"type":"item.completed","item":{"type":"agent_message","text":"hi"}}'"""
FAILS = """echo '{"type":"turn.failed","error":{"message":"%s"}}'; exit 1"""


def decided(tmp_path: Path, script: str, config: str = CONFIG) -> Report:
    (tmp_path / "codex").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && {{ echo codex-cli 0.171.0; exit 0; }}\n{script}\n'
    )
    (tmp_path / "codex").chmod(0o755)
    env = {
        "CODEX_HOME": str(tmp_path),
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "JOY_TOKEN_API_KEY": KEY,
    }
    with answering(HEAD + OK) as port:
        (tmp_path / "config.toml").write_text(config.format(port=port))
        invocation = Invocation(("exec", "hi"), env, tmp_path, None, tmp_path / "etc", tmp_path)
        return compare(examine(invocation), invocation, lambda _: None)


def test_codex_works_where_a_fault_was_seen(tmp_path: Path) -> None:
    report = decided(tmp_path, ANSWERS, CONFIG + 'wire_api = "chat"\n')
    assert (report.verdict.works, report.verdict.cause) == (True, None)
    assert report.warnings[0].cause == "wire-api-removed"
    assert report.verdict.details["with_codex"]["agrees"] is False
    assert not [step for step in report.steps if step.status == "fail"]
    assert not [row for row in report.table if row.status == "fail"]


@pytest.mark.parametrize(
    ("says", "cause"),
    [
        ("Quota exceeded. Check your plan and billing details.", "insufficient-quota"),
        ("something that nobody knows", "codex-fails"),
    ],
)
def test_codex_fails_where_everything_looked_good(tmp_path: Path, says: str, cause: str) -> None:
    report = decided(tmp_path, FAILS % says)
    assert (report.verdict.works, report.verdict.cause) == (False, cause)
    assert report.verdict.codex_says == says
    assert [step for step in report.steps if step.status == "fail"]


def test_a_model_that_codex_alone_saw_refused_is_not_recommended(tmp_path: Path) -> None:
    says = (
        "unexpected status 404 Not Found: Invalid model name passed in model=auto, url: http://127.0.0.1:9/v1/responses"
    )
    verdict = decided(tmp_path, FAILS % says).verdict
    assert (verdict.cause, verdict.details["refused_model"]) == ("model-not-found", "auto")
    assert verdict.fix is not None
    assert (verdict.fix.commands, verdict.fix.patch) == ((), None)
    assert verdict.fix.summary.startswith("Write a model key from the gateway's catalog")


def test_where_they_agree_the_verdict_stays(tmp_path: Path) -> None:
    assert decided(tmp_path, ANSWERS).verdict.cause is None
    failed = decided(tmp_path, FAILS % "x", CONFIG + 'wire_api = "chat"\n').verdict
    assert failed.cause == "wire-api-removed"
    assert failed.details["with_codex"]["agrees"] is True
