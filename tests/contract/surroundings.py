"""What else scripts and people rely on: settings and their variables, the words of filters, causes, files and their modes."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from joytui.tui.settings import ConsoleSettings
from tests.contract.product import Running, Shell

Data = dict[str, Any]
GIVEN = {
    "usd_per_credit": "0.002",
    "tls_cert": "cert.pem",
    "tls_key": "key.pem",
    "allow_hosts": "gw.example",
    "trusted_proxies": "10.0.0.0/8",
    "store": "other.sqlite3",
    "upstream": "https://api.example/openai/v1",
    "upstream_key_env": "KEY_OF_UPSTREAM",
    "catalog": "catalog.toml",
    "auto_model": "gpt-5.5",
}
"""Values for settings that are None or empty by default."""


def of_nothing_running(shell: Shell) -> Data:
    """What holds without a gateway."""
    return {
        "settings": _settings(shell),
        "console settings": asdict(ConsoleSettings()),
        "filters": _filters(shell),
        "causes": _causes(shell),
        "JOYTUI_CACHE_DIR": _cache(shell),
    }


def _settings(shell: Shell) -> Data:
    """Each setting of a gateway with its default, and the variable that it is read from; that it is read is seen."""
    listed = {one["name"]: one for one in _listed(shell, {})}
    given = {}
    for name, one in listed.items():
        value = GIVEN.get(name, one["default"])
        if isinstance(value, (str, int, float)):
            given[one["variable"]] = str(value).lower() if isinstance(value, bool) else str(value)
    read = {one["variable"] for one in _listed(shell, given) if one["origin"] == one["variable"]}
    return {
        name: {"default": one["default"], "variable": one["variable"] if one["variable"] in read else None}
        for name, one in listed.items()
    }


def _listed(shell: Shell, variables: dict[str, str]) -> list[Data]:
    said = shell.machine.call("gateway", "settings", "--json", env={"JOYTUI_GATEWAY_PORT": "", **variables})
    assert said.code == 0, said.err
    found: list[Data] = said.json["settings"]
    return found


def _filters(shell: Shell) -> list[str]:
    """The forms of the filter language, as its help lists them."""
    lines = shell.machine.call("logs", "--help-filter").out.splitlines()
    return [re.split(r"\s{2,}", line)[0] for line in lines]


def _causes(shell: Shell) -> Data:
    """Every cause with its row, as `--explain` knows it."""
    listed = shell.machine.call("doctor", "--explain", "list").out
    found = {}
    for cause in re.findall(r"^  ([a-z0-9-]+)", listed, re.M):
        told = shell.machine.call("doctor", "--explain", cause, "--json").json
        assert told["id"] == cause
        found[cause] = told["row"]
    return found


def _cache(shell: Shell) -> Data:
    """What is kept where the variable says."""
    folder = shell.machine.folder / "elsewhere"
    assert shell.machine.call("usage", "--source", "codex", env={"JOYTUI_CACHE_DIR": str(folder)}).code == 0
    return _modes(folder)


def of_a_used_machine(shell: Running) -> Data:
    """Files that are there once everything was used, and what stands in those that others read."""
    data = shell.machine.data
    shell.see("data folder: gateway.json", json.loads((data / "gateway.json").read_text()))
    shell.see("data folder: mends.json", json.loads((data / "mends.json").read_text()))
    with zipfile.ZipFile("bundle.zip") as bundle:
        names = bundle.namelist()
        for name in names:
            if name.endswith(".json"):
                shell.see(f"bundle: {name}", json.loads(bundle.read(name)))
    return {
        "data folder": _modes(data),
        "backups": _modes(shell.machine.folder / "home" / ".codex", "*.bak"),
        "bundle": names,
    }


def _modes(folder: Path, pattern: str = "*") -> Data:
    """The mode of each file below a folder, by its name; with stars for the digits of names that count or tell the time."""
    found = {}
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and not path.name.endswith(("-wal", "-shm")):
            name = re.sub(r"[0-9a-f]{16}|\d{8}-\d{6}(-[0-9a-f]{16})?", "*", path.relative_to(folder).as_posix())
            found[name] = f"{stat.S_IMODE(path.stat().st_mode):03o}"
    return found
