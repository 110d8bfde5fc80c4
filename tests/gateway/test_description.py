"""The table of routes, and what people read of it."""

from __future__ import annotations

import re

from joytui.client.console_api import PREFIX
from joytui.core import wire
from joytui.gateway.routes import CONSOLE, Operation


def written(line: str) -> list[tuple[str, str, str]]:
    """Method, path and answer of a line like "POST /console/v1/keys/{id}/revoke|disable|enable  -> KeyView"."""
    method, path, rest = re.fullmatch(r" +([A-Z]+) +(\S+) *(.*)", line).groups()  # type: ignore[union-attr]
    head, _, last = path.rpartition("/")
    answer = re.search(r"-> ([A-Z]\w+)", rest)
    return [(method, f"{head}/{name}", answer[1] if answer else "") for name in last.split("|")]


def shown(operation: Operation) -> tuple[str, str, str]:
    return operation.method.upper(), operation.path, operation.answer


def test_the_documentation_of_the_console_api_lists_its_routes() -> None:
    lines = [line for line in (wire.__doc__ or "").splitlines() if re.match(rf" +[A-Z]+ +{PREFIX}", line)]
    documented = [one for line in lines for one in written(line)]
    answers = {"SSE": ""}
    assert sorted((method, path, answers.get(answer, answer)) for method, path, answer in documented) == sorted(
        shown(operation) for operation in CONSOLE
    )
    for operation in CONSOLE:
        assert operation.body in (wire.__doc__ or "")
