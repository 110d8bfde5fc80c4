"""No advice contradicts its own evidence: held over every report that is frozen, whatever the situation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.situations.frozen import frozen
from tests.situations.frozen.sources import PLAYED

Report = dict[str, Any]
Finding = dict[str, Any]


def reports() -> Iterator[tuple[str, Report, dict[str, int]]]:
    """Each frozen report with its name, and the requests that were sent for it: "METHOD path STATUS auth", how many."""
    for collection in PLAYED:
        for name, document in frozen(collection).items():
            if document and document.get("report"):
                yield f"{collection}/{name}", document["report"], document.get("requests") or {}


def findings(report: Report) -> list[Finding]:
    return [report["verdict"], *report["warnings"]]


def written(finding: Finding, key: str) -> set[str]:
    """The values that the fix writes for a key of config.toml."""
    fix = finding["fix"] or {}
    added = [line[1:] for line in (fix.get("patch") or "").splitlines() if re.match(r"\+(?!\+\+)", line)]
    found = (re.match(rf'\s*{key} = "(.*)"', line) for line in added)
    return {one[1] for one in found if one}


def commands(finding: Finding) -> str:
    return "\n".join((finding["fix"] or {}).get("commands") or ())


def said(finding: Finding) -> str:
    return f"{finding['explanation']} {(finding['fix'] or {}).get('summary') or ''} {commands(finding)}"


# --- what a report shows refused, read from its evidence


def refused_models(report: Report) -> set[str]:
    """The model that was asked for, where a refusal is about the model."""
    asked = (report["effective"].get("model") or {}).get("value")
    about = ("model-not-found", "policy-rejected")
    refused = any(
        one["cause"] == about[0] or (one["cause"] == about[1] and one["details"].get("policy") == "model")
        for one in findings(report)
    )
    return {str(asked)} if asked and refused else set()


def refused_addresses(requests: dict[str, int], report: Report) -> set[str]:
    """Base URLs of which nothing but "no such route" came back."""
    answers: dict[str, set[str]] = {}
    for request in requests:
        method, path, status, *_ = request.split(" ")
        if method == "POST" and path.endswith("/responses"):
            answers.setdefault(path.removesuffix("/responses"), set()).add(status)
    return {path for path, statuses in answers.items() if statuses <= {"404", "405"}}


def origin(address: str) -> str:
    return "/".join(address.split("/")[:3])


def no_refused_model(report: Report, requests: dict[str, int]) -> Iterator[str]:
    for one in findings(report):
        for model in refused_models(report):
            if model in written(one, "model") or re.search(rf"-m {re.escape(model)}(?:\s|$)", commands(one)):
                yield f"{one['cause']} recommends {model}, which was refused"


def no_refused_address(report: Report, requests: dict[str, int]) -> Iterator[str]:
    base = str((report["effective"].get("base_url") or {}).get("value"))
    refused = refused_addresses(requests, report)
    for one in findings(report):
        for address in written(one, "base_url"):
            if address == one["details"].get("right_base_url"):
                continue  # the route answered there: a 404 about the model is an answer, too
            if base.startswith(origin(address)) and urlsplit(address).path in refused:
                yield f"{one['cause']} recommends {address}, where /responses is not there"
            if address in (one["details"].get("refused_at") or ()):
                yield f"{one['cause']} recommends {address}, which it says was refused"


def chat_only_where_it_was_seen(report: Report, requests: dict[str, int]) -> Iterator[str]:
    answered = any("/chat/completions 2" in one or "/chat/completions 4" in one for one in requests)
    for one in findings(report):
        claims = re.search(r"gateway offers Chat Completions|Chat Completions to yours|--upstream-api chat", said(one))
        if claims and one["cause"] != "chat-stream-on-responses" and not (answered and one["details"].get("chat_at")):
            yield f"{one['cause']} says that there is Chat Completions, and nobody saw it"


def forms_are_their_own(report: Report, requests: dict[str, int]) -> Iterator[str]:
    for one in findings(report):
        if one["cause"] == "model-catalog-missing" and ("cannot be read" in one["title"]) == bool(
            one["details"].get("readable") or one["details"].get("catalog")
        ):
            yield f"{one['title']}: {one['details']}"
        if one["cause"] == "model-not-found" and one["details"].get("listed") and "lists" not in one["title"]:
            yield "a model that the catalog lists is said to be unknown"
        if one["details"].get("line") and one["details"]["line"].split(".")[-1] not in said(one):
            yield f"the refused line {one['details']['line']} is not the mend"


PROPERTIES: tuple[Callable[[Report, dict[str, int]], Iterator[str]], ...] = (
    no_refused_model,
    no_refused_address,
    chat_only_where_it_was_seen,
    forms_are_their_own,
)


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda one: one.__name__)
def test_no_advice_contradicts_its_evidence(holds: Callable[[Report, dict[str, int]], Iterator[str]]) -> None:
    wrong = [f"{name}: {fault}" for name, report, requests in reports() for fault in holds(report, requests)]
    assert not wrong, "\n".join(wrong[:20])


def test_the_properties_see_what_they_are_about() -> None:
    """Each finds reports to judge: a property over nothing holds always."""
    every = list(reports())
    assert sum(bool(refused_models(report)) for _, report, _ in every) > 10
    assert sum(bool(refused_addresses(requests, report)) for _, report, requests in every) > 50
    assert sum("chat_at" in one["details"] for _, report, _ in every for one in findings(report)) > 50
    bad = {
        "cause": "model-not-found",
        "details": {},
        "explanation": "",
        "title": "",
        "fix": {"commands": ["codex -m auto"]},
    }
    report = {"effective": {"model": {"value": "auto"}}, "verdict": bad, "warnings": []}
    assert list(no_refused_model(report, {})) == ["model-not-found recommends auto, which was refused"]
