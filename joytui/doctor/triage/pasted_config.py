"""What a ticket's own config.toml, or a part of it, decides among the causes that its words leave open.

People paste the provider's table beside the message. It may be a part of the file, so what is absent counts only where the table
itself is there; and it never overrides the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from joytui.codex.credential import is_variable_name, looks_secret
from joytui.codex.providers import OTHER_CREDENTIALS
from joytui.core.joytoken import BASE_PATH
from joytui.core.redaction import MASK
from joytui.doctor.triage.answer import Guess
from joytui.doctor.triage.clean import bare_lines, without_stamp

_HEADER = re.compile(r"^\[([\w.\"' -]{1,120})\]\s*(?:#.*)?$")
_LINE = re.compile(r"^([A-Za-z_][\w-]{0,60})\s*=\s*(.{1,400})$")
_CREDENTIALS = ("env_key", "http_headers", "env_http_headers", *OTHER_CREDENTIALS)
_CURLY = re.compile(r"\b[A-Z][A-Z0-9_]*_(?:KEY|TOKEN)\s*=\s*[“”„‘]")
"""A key that was set between the quotes of a word processor, which belong to its value."""

Table = dict[str, str]


def decided_by_config(found: Guess, text: str) -> Guess:
    """The guess with the one of its causes that the pasted configuration shows, where it shows one."""
    if found.causes[:1] == ("key-rejected",) and _CURLY.search(text):
        return replace(found, causes=("key-malformed",), ask="", note="", explanation="", remedy="", details={})
    fitting = (*found.causes, "openai-key-to-gateway") if found.causes == ("key-rejected",) else found.causes
    if len(fitting) < 2:
        return found
    shown = next((cause for cause in _faults(*_read(text)) if cause in fitting), None)
    if shown is None:
        return found
    return replace(found, causes=(shown,), ask="", note="", explanation="", remedy="", details={})


def _read(text: str) -> tuple[Table, Table]:
    """The lines above the first table, and those of the provider in use; both empty where no provider's table is there."""
    top: Table = {}
    tables: dict[str, Table] = {}
    current: Table | None = top
    for bare in bare_lines(text):
        line = without_stamp(bare).strip()
        if header := _HEADER.match(line):
            name = header[1].replace('"', "").replace("'", "")
            provider = name.removeprefix("model_providers.")
            current = tables.setdefault(provider, {}) if provider != name else None
        elif (pair := _LINE.match(line)) and current is not None:
            current.setdefault(pair[1], pair[2].strip().rstrip(","))
    used = _bare(top.get("model_provider", ""))
    table = tables.get(used) if used else next(iter(tables.values()), None) if len(tables) == 1 else None
    return top, table or {}


def _faults(top: Table, table: Table) -> Iterator[str]:
    """What is wrong with a table that was pasted, what Codex meets first in front."""
    if not table:
        return
    key = _bare(table.get("env_key", "x"))
    if looks_secret(key, {}) or MASK in key:
        yield "env-key-is-secret"
    elif not is_variable_name(key):
        yield "env-key-invalid"
    if "base_url" not in table:
        yield "base-url-missing"
    elif not re.match(r"https?://[^\s${<]", _bare(table["base_url"])):
        yield "base-url-invalid"
    elif re.search(r"joytokens\.ai", table["base_url"]) and not _bare(table["base_url"]).rstrip("/").endswith(
        BASE_PATH
    ):
        yield "base-url-path"
    if not set(_CREDENTIALS) & set(table):
        yield "env-key-missing"
    if table.get("requires_openai_auth") == "true" and "env_key" not in table:
        yield "openai-key-to-gateway"
    if "model_provider" not in top and len(top) > 0:
        yield "provider-not-selected"


def _bare(value: str) -> str:
    """A string's value without its quotes and what is behind them."""
    quoted = re.match(r"""(["'])(.*?)\1""", value)
    return quoted[2] if quoted else value.strip("\"' ")
