"""Codex's effective configuration: each value with its origin, and what the other layers say.

  joytui codex config                     what `codex` would use here
  joytui codex config -- -p work -m auto  what that invocation would use

Secrets are redacted. Exit 1 if Codex would refuse this configuration or talk to OpenAI instead.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from joytui.cli.invocation import shell_invocation
from joytui.cli.output import emit, emit_json, paint, table
from joytui.codex.look import look
from joytui.codex.world import Issue, World
from joytui.codex.world_data import credential_data, layers_data, request_data
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK
from joytui.core.known_secrets import shown_setting
from joytui.core.records import to_json
from joytui.core.redaction import MASK, Redactor, is_secret_name
from joytui.doctor.scrub import Scrubber

TAKES_REST = True

_MAY_HOLD_SECRETS = ("args", "http_headers")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `joytui codex`."""
    parser.add_argument("what", choices=["config"], help="config: the effective configuration")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--codex-version", metavar="V", help="apply the rules of this version of Codex")


def run(args: argparse.Namespace) -> int:
    """Prints the configuration of this invocation of Codex."""
    world = look(shell_invocation(args.rest, args.codex_version, without_folder=True))
    report = as_data(world)
    if args.json:
        emit_json(report)
    else:
        for line in as_lines(report):
            emit(line)
    return EXIT_BAD_NEWS if world.problems else EXIT_OK


def as_data(world: World) -> dict[str, Any]:
    """The world as redacted JSON data."""
    values = {name: _wishes(name, wanted, world) for name, wanted in sorted(world.wanted.items())}
    data = {
        "schema_version": 1,
        "codex": {
            "version": world.version,
            "version_known": world.version_known,
            "path": world.binary.path if world.binary else None,
            "home": world.codex_home,
            "args": list(world.command.shown),
        },
        "layers": layers_data(world)[::-1],
        "effective": {
            name: to_json(replace(value, value=shown_setting((name,), value.value)))
            for name, value in world.effective.items()
        },
        "values": values,
        "request": request_data(world),
        "credential": credential_data(world),
        "problems": [_issue(issue) for issue in world.problems],
        "suspicions": [_issue(issue) for issue in world.suspicions],
        "warnings": [_issue(issue) for issue in world.warnings],
    }
    masked = Redactor(world.secrets).data(_plain(data))
    return dict(Scrubber(world.secrets, strict=False).data(masked))


def _plain(value: Any) -> Any:
    """Dates and the like of TOML as text, lone surrogates as question marks."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _wishes(name: str, wanted: Any, world: World) -> dict[str, Any]:
    path = name.split(".")
    hidden = any(is_secret_name(part) or part in _MAY_HOLD_SECRETS for part in name.lower().split(".")[-2:])
    shown = [
        {
            "layer": wish.layer,
            "origin": wish.origin,
            "value": MASK if hidden else to_json(shown_setting(path, wish.value)),
        }
        for wish in wanted
    ]
    if name == "model" and world.command.model is not None:
        model = world.effective["model"]
        shown.insert(0, {"layer": model.layer, "origin": "flag -m", "value": model.value})
    return {**shown[0], "instead_of": shown[1:]}


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "cause": issue.cause,
        "summary": issue.summary,
        "where": issue.where,
        "key": issue.key,
        "codex_says": issue.message,
        "details": to_json(issue.details),
    }


# --- for a person


def as_lines(report: dict[str, Any]) -> list[str]:
    """The report for a terminal."""
    codex = report["codex"]
    known = "" if codex["version_known"] else " (not found on PATH; the newest known rules were applied)"
    lines = [f"Codex {codex['version']}{known}, home {codex['home']}", ""]
    lines.append(
        table(["layer", "state", "file"], [[x["layer"], x["state"], x["path"] or "-"] for x in report["layers"]])
    )
    rows = [[name, _cell(v["value"]), v["layer"], v["origin"]] for name, v in report["effective"].items()]
    lines += ["", table(["effective", "value", "layer", "origin"], rows)]
    lines += _contested(report)
    if report["request"]:
        lines += ["", f"{report['request']['method']} {report['request']['url']}"]
    for kind, style in (("problems", "red"), ("suspicions", "yellow"), ("warnings", "yellow")):
        for item in report[kind]:
            place = f"  ({item['where']})" if item["where"] else ""
            lines += ["", f"{paint(item['cause'], style)}: {item['summary']}{place}"]
    return lines


def _contested(report: dict[str, Any]) -> list[str]:
    rows = [
        [name, _cell(wish["value"]), wish["layer"], wish["origin"]]
        for name, value in report["values"].items()
        for wish in value["instead_of"]
    ]
    return ["", table(["overruled", "wanted", "layer", "origin"], rows)] if rows else []


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
