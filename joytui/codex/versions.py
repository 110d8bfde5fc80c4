"""What each version of Codex does differently: the table of behaviours, with the boundaries that were tried.

Source: real binaries from npm, 0.80.0 to 0.169.0. Where a boundary lies between two versions that were tried, the
later one is taken as the first with the new behaviour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NEWEST_KNOWN = "0.169.0"

Number = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Rules:
    """The behaviours of one version of Codex."""

    version: str
    number: Number
    chat_is_default: bool  # no `wire_api` means Chat Completions, and "chat" works (0.94.0 and older)
    honours_openai_base_url_variable: bool  # OPENAI_BASE_URL moves the built-in provider (0.95 .. 0.100)
    has_openai_base_url_key: bool
    checks_provider_tables: bool  # reserved ids are an error
    checks_provider_fields: bool  # empty `name`, exclusive fields are an error
    legacy_profiles: bool  # `profile = "x"` and [profiles.x] work
    project_may_set_provider: bool
    has_auth_command: bool
    has_own_ca_variable: bool  # CODEX_CA_CERTIFICATE
    endless_connection_retries: bool
    warns_unknown_keys: bool
    has_daemon: bool
    refuses_empty_model: bool
    requires_provider_name: bool  # a provider without `name` does not deserialise
    like: str | None  # the older version whose known keys are nearest; None: the newest
    names_error_path: bool  # type errors end with "in `key.path`"


def parse_version(text: str) -> Number | None:
    """The three numbers of "codex-cli 0.169.0", "0.169.0-alpha.3", "v0.94"; None where there are none."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def rules_for(version: str) -> Rules:
    """The behaviours of this version; an unreadable one is taken as the newest known."""
    number = parse_version(version) or parse_version(NEWEST_KNOWN) or (0, 0, 0)

    def since(minor: int) -> bool:
        return number >= (0, minor, 0)

    return Rules(
        version=version,
        number=number,
        chat_is_default=not since(95),
        honours_openai_base_url_variable=not since(120),
        has_openai_base_url_key=since(120),
        checks_provider_tables=since(120),
        checks_provider_fields=since(130),
        legacy_profiles=not since(140),
        project_may_set_provider=not since(130),
        has_auth_command=since(120),
        has_own_ca_variable=since(120),
        endless_connection_retries=since(153),
        warns_unknown_keys=since(163),
        has_daemon=since(157),
        refuses_empty_model=since(153),
        requires_provider_name=not since(120),
        like=None if since(153) else "0.140.0" if since(120) else "0.94.0",
        names_error_path=since(120),
    )
