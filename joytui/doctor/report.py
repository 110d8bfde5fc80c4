"""A report as JSON (the contract of `joytui doctor --json`), without secrets, and as words for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from joytui.core.known_secrets import shown_setting
from joytui.core.records import (
    EffectiveValue,
    Evidence,
    Finding,
    Fix,
    Report,
    SurfaceCell,
    TableRow,
    TelemetryState,
    to_json,
)
from joytui.core.redaction import MASK, Redactor, visible
from joytui.doctor.scrub import shown_patch

Paint = Callable[..., str]
WIDTH = 100
_GLYPHS = {
    "pass": ("✓", "green"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "red"),
    "skip": ("·", "dim"),
    "unknown": ("?", "dim"),
}


# --- JSON -------------------------------------------------------------------------------------------------------------


def report_json(report: Report) -> dict[str, Any]:
    """The report as plain data, fields in the order of the contract."""
    data: dict[str, Any] = to_json(report)
    for warning in data["warnings"]:
        del warning["works"]
    if not report.surfaces:
        del data["surfaces"]
    if report.telemetry is None:
        del data["telemetry"]
    return data


# --- redaction --------------------------------------------------------------------------------------------------------


def redacted(report: Report, secrets: Iterable[str]) -> Report:
    """The report with every known secret and every shape of one masked; a patch that would show one becomes None."""
    secrets = tuple(secrets)
    redactor = Redactor(secrets)

    def words(text: str | None) -> str | None:
        return None if text is None else redactor.text(text)

    def fields(finding: Finding) -> dict[str, Any]:
        return {
            "title": words(finding.title),
            "explanation": words(finding.explanation),
            "evidence": tuple(Evidence(redactor.text(e.what), redactor.text(e.where)) for e in finding.evidence),
            "codex_says": words(finding.codex_says),
            "details": redactor.data(dict(finding.details)),
            "fix": _redacted_fix(finding, secrets, redactor),
        }

    return replace(
        report,
        codex=replace(report.codex, args=tuple(redactor.text(arg) for arg in report.codex.args)),
        effective={
            redactor.text(key): EffectiveValue(
                redactor.data(shown_setting((key,), v.value)), redactor.text(v.origin), v.layer
            )
            for key, v in report.effective.items()
        },
        verdict=replace(report.verdict, **fields(report.verdict)),
        warnings=tuple(replace(warning, **fields(warning)) for warning in report.warnings),
        table=tuple(replace(row, summary=redactor.text(row.summary)) for row in report.table),
        steps=tuple(
            replace(step, summary=redactor.text(step.summary), details=redactor.data(dict(step.details)))
            for step in report.steps
        ),
        telemetry=report.telemetry and _redacted_telemetry(report.telemetry, redactor),
    )


def _redacted_telemetry(state: TelemetryState, redactor: Redactor) -> TelemetryState:
    endpoint = redactor.text(state.endpoint) if state.endpoint else None
    return replace(state, endpoint=endpoint, origin=redactor.text(state.origin), summary=redactor.text(state.summary))


def _redacted_fix(finding: Finding, secrets: Iterable[str], redactor: Redactor) -> Fix | None:
    """A patch of which a line would have to be masked is none; what makes the change then is a command, as it is in any case."""
    fix = finding.fix
    if fix is None:
        return None
    patch = fix.patch if shown_patch(fix.patch, secrets) == fix.patch else None
    commands = [command for command in map(redactor.text, fix.commands) if MASK not in command]
    if fix.changes and not any(command.startswith("joytui ") for command in commands):
        commands.insert(0, f"joytui doctor --fix {finding.cause}")
    return Fix(redactor.text(fix.summary), tuple(commands), patch, fix.safe)


# --- words ------------------------------------------------------------------------------------------------------------


def _plain(text: str, *_: str) -> str:
    return text


def render_text(report: Report, paint: Paint = _plain, *, width: int = WIDTH, steps: bool = True) -> str:
    """The report for a person: the verdict, why, what to type; then warnings, the table and what was checked.

    `paint(text, *styles)` colours; styles are those of cli/output.py. Every colour is beside a glyph or a word.
    """
    parts = [_verdict_text(report.verdict, paint, width)]
    if report.warnings:
        parts.append(_warnings_text(report.warnings, paint, width))
    parts.append(_table_text(report.table, paint, width))
    if report.surfaces:
        parts.append(_surfaces_text(report.surfaces, paint, width))
    if steps:
        parts.append(_footer(report, paint, width))
    return "\n\n".join(parts)


def _wrap(text: str, width: int, indent: str = "  ") -> str:
    import textwrap  # late: the report as JSON wraps nothing

    lines = visible(text).splitlines() or [""]
    return "\n".join(
        textwrap.fill(
            line, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        for line in lines
    )


def _verdict_text(verdict: Finding, paint: Paint, width: int) -> str:
    glyph, style = _headline(verdict)
    where = f"[{verdict.cause}, row {verdict.row}]" if verdict.cause else ""
    if where:
        where = f"{'   ' if len(verdict.title) + len(where) + 5 <= width else chr(10) + '  '}{where}"
    lines = [f"{paint(glyph, style, 'bold')} {paint(verdict.title, style, 'bold')}{paint(where, 'dim')}", ""]
    lines.append(_wrap(verdict.explanation, width))
    if verdict.evidence:
        lines += ["", paint("  Why", "bold")]
        lines += [_wrap(f"{e.what}" + (f"   ({e.where})" if e.where else ""), width, "    ") for e in verdict.evidence]
    if verdict.codex_says:
        lines += ["", paint("  What Codex shows", "bold"), _wrap(verdict.codex_says[:600], width, "    ")]
    if told := _patience_text(verdict.details):
        lines.append(_wrap(told, width, "    "))
    if verdict.fix:
        lines += ["", paint("  What to do", "bold"), _fix_text(verdict.fix, paint, width)]
    return "\n".join(lines)


def _headline(verdict: Finding) -> tuple[str, str]:
    if verdict.works:
        return "✓", "green"
    return ("✗", "red") if verdict.works is False else ("?", "yellow")


def _patience_text(details: Mapping[str, Any]) -> str | None:
    requests, seconds = details.get("codex_requests"), details.get("codex_gives_up_after_s", "")
    if not isinstance(requests, int) or not (seconds is None or isinstance(seconds, (int, float))):
        return None
    if seconds is None:
        return (
            "Codex never gives up by itself." if requests == 0 else f"Codex keeps waiting after {requests} request(s)."
        )
    if requests == 0 and seconds == 0:
        return "Codex stops before any request."
    return f"Codex sends {requests} request{'s' if requests != 1 else ''} and gives up after about {max(seconds, 0.3):g} s."


def _fix_text(fix: Fix, paint: Paint, width: int) -> str:
    lines = [_wrap(fix.summary, width, "    ")]
    for command in fix.commands:
        lines += [f"      {paint(line, 'cyan')}" for line in visible(command).splitlines()]
    if fix.patch:
        lines += ["", *(f"      {paint(line, _patch_style(line))}" for line in visible(fix.patch).splitlines())]
    return "\n".join(lines)


def _patch_style(line: str) -> str:
    return "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"


def _warnings_text(warnings: tuple[Finding, ...], paint: Paint, width: int) -> str:
    lines = [paint("Also worth knowing", "bold")]
    for warning in warnings:
        lines.append(f"  {paint('!', 'yellow')} {warning.title}   {paint(f'[{warning.cause}]', 'dim')}")
        lines += [
            _wrap(f"{e.what}" + (f"   ({e.where})" if e.where else ""), width, "      ") for e in warning.evidence[:1]
        ]
    return "\n".join(lines)


def _table_text(table: tuple[TableRow, ...], paint: Paint, width: int) -> str:
    lines = [paint("The guide's table", "bold")]
    for row in table:
        glyph, style = _GLYPHS[row.status]
        summary = "not reached" if row.summary.startswith("not reached") else row.summary
        summary = visible(summary, limit=max(width - 36, 20)).replace("\n", " ")
        lines.append(f"  {paint(glyph, style)} {row.symptom:<22} {paint(row.status, style):<8} {summary}".rstrip())
    return "\n".join(lines)


def _surfaces_text(cells: Sequence[SurfaceCell], paint: Paint, width: int) -> str:
    from joytui.doctor.surfaces.words import HEADLINE, RAN, READ, ran, surface_lines

    lines = [paint(HEADLINE, "bold"), *(paint(line, style) for line, style in surface_lines(cells, width))]
    return "\n".join([*lines, paint(_wrap(RAN if ran(cells) else READ, width), "dim")])


def _footer(report: Report, paint: Paint, width: int) -> str:
    codex = report.codex
    version = f"Codex {codex.version}" if codex.version else "no Codex found"
    lines = [f"{version} · {codex.home} · joytui {report.joytui_version}"]
    known = next((step for step in report.steps if step.id == "codex.version"), None)
    if known is not None and known.status == "warn":
        lines.append(known.summary)
    if report.telemetry is not None:
        lines.append(f"{report.telemetry.summary} ({report.telemetry.origin})")
    details = report.verdict.details
    if sent := details.get("test_requests"):
        usage = details.get("test_usage")
        tokens = sum(n for n in usage.values() if isinstance(n, int)) if isinstance(usage, Mapping) else 0
        cost = f", {tokens} tokens" if tokens else ""
        lines.append(f"{sent} test request{'s' if sent != 1 else ''}{cost}; request id {details.get('request_id')}")
    if report.verdict.cause is None and not report.surfaces:
        lines.append(
            "Codex fails elsewhere (an editor, an app, cron, ssh)? `joytui doctor --surfaces` checks those, too"
        )
    lines.append("`joytui doctor --explain CAUSE` explains a cause; `--json` prints everything that was checked")
    return "\n".join(paint(_wrap(line, width, ""), "dim") for line in lines)
