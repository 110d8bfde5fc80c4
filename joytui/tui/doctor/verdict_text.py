"""A report as what is on the right: the verdict first, then why, the proof, the fix. Pure: Content in, Content out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.content import Content

from joytui.core.codex_path import INSTALL_CODEX
from joytui.core.own_command import as_typed
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.doctor.walk_lines import GLYPHS, no_codex
from joytui.tui.lines import fact, filled, hanging, keyed
from joytui.tui.shown import visible

if TYPE_CHECKING:
    from joytui.core.records import Evidence, Finding, Fix, Report, Step, TelemetryState

Mood = Literal["good", "bad", "doubt", "calm"]

SEND_COSTS = "It sends a few tiny requests (short prompt, shortest answer) and says what they cost."


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict in one line that can be read aloud, and the line under it."""

    mood: Mood
    glyph: str
    title: str
    under: str


def headline(snapshot: DoctorSnapshot) -> Headline:
    """What stands largest on the screen at this moment."""
    report = snapshot.report
    if snapshot.phase == "failed":
        return Headline("doubt", "▲", "The doctor itself failed", snapshot.problem)
    if snapshot.phase == "sending":
        return Headline("calm", "◌", "Sending test requests…", "esc stops")
    if report is None and snapshot.phase == "cancelled":
        return Headline("calm", "○", "Stopped before a verdict", "r tests again, l checks only this machine")
    if report is None:
        return Headline("calm", "◌", "Checking Codex on this machine…", "nothing is sent")
    verdict = report.verdict
    if no_codex(report):
        return Headline(
            "calm", "○", "No Codex here yet", "no codex on PATH and no config.toml, so there is nothing to check"
        )
    if verdict.works:
        return Headline("good", "✓", verdict.title, "proven by a streamed test request")
    if verdict.cause is None:
        under = "press r to send test requests" if not snapshot.sent else "not decided"
        return Headline("doubt" if snapshot.sent else "calm", "?" if snapshot.sent else "○", verdict.title, under)
    return Headline("bad", "✗", verdict.title, f"{row_words(verdict.row)} · {verdict.cause}")


def row_words(row: str | None) -> str:
    """A row of the guide's table as it is spoken of."""
    from joytui.causes import ROW_TEXTS

    if row is None or row == "other":
        return "not in the guide's table"
    return f"row {ROW_TEXTS[row].symptom}"  # type: ignore[index]


def banner(head: Headline, width: int) -> Content:
    """The headline and the line under it, each wrapped under itself."""
    colour = {"good": "$success", "bad": "$error", "doubt": "$warning", "calm": "$primary"}[head.mood]
    lines = [hanging(clean(head.title), head.glyph, f"bold {colour}", width, f"bold {colour}")]
    if head.under:
        lines.append(hanging(clean(head.under), " ", "$foreground 80%", width))
    return Content("\n").join(lines)


def context_line(snapshot: DoctorSnapshot) -> Content:
    """Which Codex, which provider, which address: the line under the masthead."""
    report = snapshot.report
    if report is None:
        return Content.styled("Codex as this shell would start it", "$quiet")
    parts: list[Content] = []
    version = report.codex.version
    parts.append(Content.styled(f"codex {version}" if version else "codex not found", "$foreground"))
    if no_codex(report):
        return parts[0]  # what a Codex would use that is not there helps nobody
    for name, label in (("model", ""), ("model_provider", "via "), ("base_url", "→ ")):
        value = report.effective.get(name)
        if value is not None and value.value not in (None, ""):
            parts.append(Content.assemble((label, "$quiet"), (clean(str(value.value)), "$foreground")))
    if report.telemetry is not None:
        parts.append(_telemetry(report.telemetry))
    return Content.styled("  ·  ", "$quiet").join(parts)


def _telemetry(state: TelemetryState) -> Content:
    """The screen has room for a word; the report has the address and the reason."""
    words = {True: "arrives", False: "does not arrive", None: "on"}[state.arrives] if state.on else "goes elsewhere"
    return Content.assemble(("telemetry ", "$quiet"), (words, "$warning" if state.arrives is False else "$foreground"))


def explanation(snapshot: DoctorSnapshot, width: int) -> Content:
    report = snapshot.report
    if report is None or snapshot.phase == "failed":
        return Content("")
    if not no_codex(report):
        return Content(clean(report.verdict.explanation))
    return Content("\n").join(
        (
            keyed("1", f"Install it: {INSTALL_CODEX} (y copies it)", width),
            keyed("2", "Press s to start the gateway, write config.toml and a key, and run a first Codex turn", width),
            Content("\n").join(map(Content, ("", *filled(_WITHOUT, width)))),
        )
    )


_WITHOUT = "Logs, Usage and Keys work without Codex: other machines may use the gateway."


Place = Callable[[str], str]


def places_of(report: Report | None) -> Place:
    """How a place is written on the screen: cleaned, with ~ for the home of whoever's Codex it is."""
    codex_home = report.codex.home if report is not None else ""
    homes = {str(Path.home()), str(Path(codex_home).parent) if codex_home.endswith("/.codex") else ""} - {"", "/"}

    def at(where: str) -> str:
        text = clean(where)
        for home in homes:
            text = re.sub(rf"(?<![\w/.~-]){re.escape(home)}(?=/)", "~", text)
        return text

    return at


def evidence(items: Iterable[Evidence], width: int, at: Place) -> Content:
    """Each fact with its place, beside it or under it. Places are coloured so that the eye finds file and line."""
    return Content("\n").join(_fact(at(item.what), at(item.where), width) for item in items)


def _fact(what: str, where: str, width: int) -> Content:
    text = hanging(what, "•", "", width)
    if not where:
        return text
    if len(what) + len(where) + 4 <= width:
        return Content.assemble(text, "  ", (where, "$secondary"))
    return Content("\n").join((text, hanging(where, " ", "$secondary", width)))


def effective_values(report: Report, width: int) -> Content:
    """The values that Codex will use with the place that set each: three columns, or the place under its value."""
    at = places_of(report)
    rows = [(name, shown(one.value), at(one.origin)) for name, one in report.effective.items() if one.value is not None]
    if not rows:
        return Content("")
    names, values, origins = (max(len(row[column]) for row in rows) for column in range(3))
    beside = names + values + origins + 4 <= width
    return Content("\n").join(_value(*row, names, values if beside else 0, width) for row in rows)


def _value(name: str, value: str, origin: str, names: int, values: int, width: int) -> Content:
    if values:
        return Content.assemble((f"{name:<{names}}  ", "$quiet"), f"{value:<{values}}  ", (origin, "$quiet"))
    margin = " " * (names + 2)
    told = Content("\n").join(
        Content.assemble(margin, (line, "$quiet")) for line in filled(origin, width - len(margin))
    )
    return Content("\n").join((fact(name, value, width, len(margin)), told))


def shown(value: object) -> str:
    return clean(str(value).lower() if isinstance(value, bool) else str(value), limit=120)


def commands(fix: Fix, width: int) -> Content:
    """Commands for a shell with a quiet prompt that is not part of what is copied; a long one goes on under its start."""
    return Content("\n").join(hanging(clean(command), "$", "bold", width) for command in fix.commands)


def patch(diff: str) -> Content:
    """A unified diff with its signs coloured; the signs stay, so it reads without colour too."""
    return Content("\n").join(_patch_line(line) for line in clean(diff.rstrip("\n")).split("\n"))


def _patch_line(line: str) -> Content:
    if line.startswith(("---", "+++")):
        return Content.styled(line, "bold $quiet")
    if line.startswith("@@"):
        return Content.styled(line, "$quiet")
    if line.startswith("+"):
        return Content.styled(line, "$success")
    if line.startswith("-"):
        return Content.styled(line, "$error")
    return Content.styled(line, "$quiet")


def warnings(findings: Sequence[Finding], width: int, at: Place) -> Content:
    """What does not stop Codex now: a title, where, why, and what to do; a blank line between two."""
    told = (Content("\n").join(_warning(finding, width, at)) for finding in findings)
    return Content("\n\n").join(told)


def _warning(finding: Finding, width: int, at: Place) -> Iterable[Content]:
    yield hanging(clean(finding.title), "▲", "bold", width, "$warning")
    where = finding.evidence[0].where if finding.evidence else ""
    if where:
        yield hanging(at(where), " ", "$secondary", width)
    if finding.explanation:
        yield hanging(clean(finding.explanation), " ", "$foreground 85%", width)
    if finding.fix:
        yield hanging(clean(finding.fix.summary), "→", "$primary", width, "$primary")


_COLOURS = {"pass": "$success", "warn": "$warning", "fail": "bold $error"}


def sign_of(step: Step) -> tuple[str, str]:
    """A step's sign and its colour."""
    return GLYPHS[step.status], _COLOURS.get(step.status, "$quiet")


def clean(text: str, *, limit: int = 4000) -> str:
    """Text that may have come from a file or the wire, fit for a terminal."""
    return as_typed(visible(text, limit=limit))
