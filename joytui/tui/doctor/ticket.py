"""What goes to the clipboard: the verdict as the text of a ticket, and the fix as something to paste into a shell."""

from __future__ import annotations

from joytui.core.own_command import as_typed
from joytui.core.records import Finding, Fix, Report


def ticket_text(report: Report) -> str:
    """The whole verdict as plain text: what, why, proof, fix, versions. Redacted as the report is."""
    verdict = report.verdict
    lines = [f"joytui doctor: {verdict.title}"]
    if verdict.cause:
        lines.append(f"cause: {verdict.cause} (row {verdict.row})")
    lines += ["", verdict.explanation, *_evidence(verdict)]
    if verdict.codex_says:
        lines += ["", "Codex says:", *(f"  {line}" for line in verdict.codex_says.splitlines())]
    if verdict.fix:
        lines += ["", f"Fix: {verdict.fix.summary}", *(f"  {line}" for line in fix_text(verdict.fix).splitlines())]
    if report.warnings:
        lines += ["", "Also:", *(_warning(w) for w in report.warnings)]
    lines += ["", _effective(report), _versions(report)]
    return "\n".join(line for line in lines if line is not None).strip() + "\n"


def fix_text(fix: Fix) -> str:
    """The commands of a fix; the patch where there are none; the summary where there is neither."""
    if fix.commands:
        return as_typed("\n".join(fix.commands))
    return fix.patch or fix.summary


def _evidence(verdict: Finding) -> list[str]:
    return ["", *(f"- {e.what} ({e.where})" for e in verdict.evidence)] if verdict.evidence else []


def _warning(finding: Finding) -> str:
    return f"- {finding.title} ({finding.cause})"


def _effective(report: Report) -> str:
    named = [f"{k}={v.value} [{v.origin}]" for k, v in report.effective.items() if v.value is not None]
    return "Effective: " + ", ".join(named) if named else ""


def _versions(report: Report) -> str:
    args = " ".join(report.codex.args)
    codex = f"codex {report.codex.version or 'not found'}" + (f" {args}" if args else "")
    return f"{codex}, home {report.codex.home}, joytui {report.joytui_version}, {report.generated_at}"
