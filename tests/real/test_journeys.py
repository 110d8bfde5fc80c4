"""The main journey of each of the three users: the real command in a real terminal, a real gateway, its own HOME."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from joytui.core.joytoken import KEY_VARIABLE, config_block
from tests.support.terminal import Terminal
from tests.tui.staging import Stage, now
from tests.tui.test_start import command

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A gateway with five days of requests (a weekend is quiet), and keys with budgets."""
    made = Stage(tmp_path)
    made.fill(now(), days=5)
    made.start()
    yield made
    made.close()


def opened(stage: Stage, *words: str, **env: str) -> Terminal:
    return Terminal(command(*words), columns=150, lines=44, env={**stage.setup.env, **env}, cwd=stage.folder / "work")


def leave(terminal: Terminal) -> None:
    terminal.send("q")
    assert terminal.wait_exit() == 0
    assert terminal.left_behind() == []
    assert "Traceback" not in terminal.output


def only_its_requests(screen: str) -> bool:
    """Logs is filtered by one key, and each line is of that key."""
    name = re.search(r"filter key:(\S+)", screen)
    rows = [row for row in screen.split("\n") if re.search(r"[✓✗] \d{3}", row)]
    return bool(name and rows and all(name[1] in row for row in rows))


def test_a_developer_whose_codex_does_not_work(stage: Stage) -> None:
    """The verdict, its fix, green; and the turn that follows stands in Logs."""
    config = stage.setup.codex_home / "config.toml"
    config.write_text(config_block(f"{stage.url}/v1"))  # not the path that the guide names
    with opened(stage, **{KEY_VARIABLE: stage.plain["codex-anna"]}) as terminal:
        terminal.wait_for("press r to send")
        terminal.send("r")
        terminal.wait_for("wrong path", "f Fix")
        terminal.send("f")
        terminal.wait_for("Apply this fix?", f"{stage.url}/openai/v1")
        assert "/openai/v1" not in config.read_text()
        terminal.send("a")
        terminal.wait_for("proven by a streamed test request")
        assert f'"{stage.url}/openai/v1"' in config.read_text()
        terminal.send("2")
        terminal.wait_for("following")
        assert stage.ask("codex-anna", "joytui-offline-max", text="the first turn that works") == 200
        terminal.wait_until(
            lambda screen: any("joytui-offline-max" in row and "codex-anna" in row and "200" in row
                               for row in screen.split("\n")), what="the turn's line",
        )  # fmt: skip
        leave(terminal)


def test_a_lead_goes_from_the_spend_to_its_requests_and_the_budget(stage: Stage) -> None:
    with opened(stage, "--screen", "usage") as terminal:
        terminal.wait_for("SPEND", "by model", "joytui-offline-max")
        terminal.send("g")
        terminal.wait_for("by key", "codex-anna", "codex-ben")
        terminal.send("down", "enter")
        terminal.wait_until(only_its_requests, what="the requests of one key")
        terminal.send("4")
        terminal.wait_until(
            lambda screen: bool(re.search(r"codex-anna .* \d+% (day|week)", screen)), what="anna's budget"
        )
        terminal.wait_until(lambda screen: bool(re.search(r"codex-ben .* \d+% day", screen)), what="ben's budget")
        leave(terminal)


def test_support_finds_a_ticket_s_request_and_compares_it(stage: Stage) -> None:
    assert stage.ask("codex-anna") == 200
    assert stage.ask("docs-bot", "joytui-offline-max") >= 400
    refused = stage.setup.json_lines("logs", "--limit", "1")[0]
    ticket = str(refused["request_id"])
    with opened(stage, "--screen", "usage") as terminal:
        terminal.wait_for("SPEND")
        terminal.send("ctrl+f")
        terminal.wait_for("a request id")
        terminal.send(ticket, "enter")
        terminal.wait_for("docs-bot", f"id:{ticket}")
        terminal.send("enter")
        terminal.wait_for("policy-rejected", "in the tier premium")
        terminal.send("c")
        copied = base64.b64encode(ticket.encode()).decode()
        terminal.wait_for("clipboard")
        assert f"\x1b]52;c;{copied}" in terminal.output
        terminal.send("escape")
        terminal.send("escape")
        terminal.wait_gone(f"id:{ticket}")
        terminal.send(":")
        terminal.wait_for("Go to a request")
        terminal.send(ticket, "enter")
        terminal.wait_gone("Go to a request")
        terminal.send("space", "up", "=")
        terminal.wait_for("Two requests", "docs-bot", "codex-anna", "≠")
        terminal.send("escape")
        terminal.wait_gone("Two requests")
        leave(terminal)


def test_support_answers_a_pasted_ticket_with_the_person_s_own_numbers(stage: Stage) -> None:
    """p, the paste, ^r: three keys from a ticket to a reply that names what is left of which limit."""
    for _ in range(40):
        if stage.ask("codex-ben", "joytui-offline-max", text="a long question " * 400) == 402:
            break
    refused = stage.setup.json_lines("logs", "--limit", "1")[0]
    assert refused["status"] == 402
    ticket = (
        f"Hi, since noon: ERROR: unexpected status 402 Payment Required: no, url: {stage.url}/openai/v1/responses, "
        f"request id: {refused['request_id']}"
    )
    with opened(stage) as terminal:
        terminal.wait_for("verdict", "live")
        terminal.send("p")
        terminal.wait_for("Triage: from a ticket")
        terminal.send(f"\x1b[200~{ticket}\x1b[201~")
        terminal.wait_for("IN THE GATEWAY'S LOG", "codex-ben")
        terminal.send("ctrl+r")
        terminal.wait_for("clipboard")
        copied = base64.b64decode(re.findall(r"\x1b\]52;c;([A-Za-z0-9+/=]+)", terminal.output)[-1]).decode()
        assert "daily limit" in copied
        assert re.search(r"of 9 credits|9 credits", copied), copied
        terminal.send("escape")
        terminal.wait_gone("Triage: from a ticket")
        leave(terminal)
