"""Material to bundle: every entry scrubbed, and what was removed from each noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joytui.core.records import to_json
from joytui.core.redaction import escaped_json, visible
from joytui.doctor.bundle.gather import Material
from joytui.doctor.bundle.markdown import markdown
from joytui.doctor.report import report_json
from joytui.doctor.scrub import Scrubber

KIND = "joytui-report"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the bundle. `about`: a line for the preview. `removed`: (kind, how often), sorted."""

    name: str
    text: str
    about: str
    removed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """The entries in order: README.txt, report.json, report.md."""

    entries: tuple[Entry, ...]

    @property
    def markdown(self) -> str:
        return next(entry.text for entry in self.entries if entry.name == "report.md")


_PARTS = {
    "doctor": "the doctor's report: verdict, evidence, steps",
    "config": "effective configuration: values of an allowlist, each with its origin",
    "versions": "versions of joytui, Codex, Python and the system",
    "environment": "names of environment variables; values only of TERM, LANG, SHELL and the like; proxies without credentials",
    "last_failures": "the last failures in Codex's own session files",
    "gateway": "the local gateway's records of the last hour for this key",
    "surfaces": "where else Codex may start (editors, cron, ssh, …), and whether its key is there: by length and fingerprint",
}


def compose(material: Material) -> Bundle:
    """The bundle of a material. Pure: the same material gives the same bytes."""
    raw: Mapping[str, Any] = {
        "doctor": _doctor(material),
        "config": material.config,
        "versions": material.versions,
        "environment": material.environment,
        "last_failures": to_json(material.history),
        "gateway": material.gateway,
        "surfaces": to_json(material.surfaces),
    }
    report: dict[str, Any] = {"kind": KIND, "schema_version": 1, "generated_at": material.generated_at}
    removed: dict[str, tuple[tuple[str, int], ...]] = {}
    for name, value in raw.items():
        scrubber = Scrubber(material.secrets, material.home)
        report[name] = scrubber.data(value)
        removed[name] = tuple(sorted(scrubber.removed.items()))
    whole = Scrubber(material.secrets, material.home)
    parts = tuple(Entry(f"report.json: {name}", _json(report[name]), _PARTS[name], removed[name]) for name in raw)
    total = tuple(item for part in parts for item in [(part.name, sum(n for _, n in part.removed))] if item[1])
    return Bundle(
        (
            Entry("README.txt", visible(_readme(parts)), "what is in it and what was removed"),
            Entry("report.json", _json(report), "everything, for `joytui triage FILE`", total),
            *parts,
            Entry("report.md", visible(whole.text(markdown(report))), "the same to paste into a ticket"),
        )
    )


def _doctor(material: Material) -> dict[str, Any]:
    """The report without what differs from run to run, without patches, and without the prompt."""
    data = report_json(material.doctor)
    data["generated_at"] = material.generated_at
    for step in data["steps"]:
        step["duration_ms"] = 0.0
    data["effective"] = "(see config)"
    for finding in (data["verdict"], *data["warnings"]):
        if finding.get("fix"):
            finding["fix"]["patch"] = None
    return data


def _json(value: Any) -> str:
    return escaped_json(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)) + "\n"


def _readme(parts: tuple[Entry, ...]) -> str:
    lines = ["A joytui report for a support ticket. It contains no keys; `joytui report --check FILE` proves it.", ""]
    for part in parts:
        lines.append(f"{part.name.removeprefix('report.json: ')}: {part.about}")
        lines += [f"    removed: {kind} ({count})" for kind, count in part.removed]
    return "\n".join(lines) + "\n"
