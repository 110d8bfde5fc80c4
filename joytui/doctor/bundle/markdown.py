"""The bundle as Markdown, short enough to paste into a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown(report: Mapping[str, Any]) -> str:
    """The scrubbed report as Markdown. Values are in code spans, so that nothing in them is taken for markup."""
    verdict = report["doctor"]["verdict"]
    versions, config = report["versions"], report["config"]
    lines = [
        f"## joytui report, {report['generated_at']}",
        "",
        f"**{_flat(verdict['title'])}**"
        + (f" ({_code(verdict['cause'])}, row {verdict['row']})" if verdict["cause"] else ""),
        "",
        *(f"- {_flat(one['what'])} ({_code(one['where'])})" for one in verdict["evidence"]),
        "",
        f"Codex {versions['codex'] or 'not found'}, joytui {versions['joytui']}, Python {versions['python']}, {versions['system']}",
        "",
        "### Configuration",
        *_effective(config),
        "",
        "### Last failures",
        *_failures(report["last_failures"]),
        "",
        "### Environment",
        f"names: {_code(', '.join(report['environment']['names']))}",
        *(f"- {name} = {_code(value)}" for name, value in report["environment"]["values"].items()),
        *(f"- {name} = {_code(value)}" for name, value in report["environment"]["proxies"].items()),
        "",
        "### Gateway",
        *_gateway(report["gateway"]),
        "",
        "### Where Codex may start",
        *(f"- {_flat(one['name'])}: {one['verdict']}. {_flat(one['why'])}".rstrip() for one in report["surfaces"]),
    ]
    return "\n".join(lines) + "\n"


def _effective(config: Mapping[str, Any]) -> list[str]:
    found = config["effective"]
    shown = [
        f"- {name} = {_code(v['value'])} ({_flat(v['origin'])})" for name, v in found.items() if v["layer"] != "default"
    ]
    request = config["request"]
    return [*shown, f"- request: {_code(request['method'] + ' ' + request['url'])}"] if request else shown


def _failures(history: Mapping[str, Any]) -> list[str]:
    if not history["failures"]:
        return [f"none in the last {history['turns']} turns"]
    lines = []
    for one in history["failures"]:
        lines.append(f"- {one['count']}x, last {one['last']}, provider {_code(one['provider'])}: {_code(one['error'])}")
        lines.append(f"  fits: {', '.join(one['causes'][:3]) or 'nothing that is known'}")
    return lines


def _gateway(gateway: Mapping[str, Any]) -> list[str]:
    if not gateway.get("running"):
        return ["no local gateway is running"]
    records = gateway.get("records") or []
    lines = [f"{len(records)} request(s) in the last hour, key {gateway.get('key')}"]
    if gateway.get("telemetry_received"):
        lines.append(f"Codex's telemetry came last at {gateway['telemetry_received']}")
    for one in records[:20]:
        said = f": {_code(one['error_message'])}" if one.get("error_message") else ""
        lines.append(f"- {one['time']} {_code(one['model'])} {one['status']}{said} ({one['request_id']})")
    return lines


def _flat(text: object) -> str:
    return " ".join(str(text).split())


def _code(text: object) -> str:
    return "`" + _flat(text).replace("`", "'") + "`"
