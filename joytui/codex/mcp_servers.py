"""What Codex refuses in `[mcp_servers.<id>]` beyond types: a transport of neither kind, or half of each.

Source: Codex 0.169.0, observed. A server that is `required` and cannot start ends Codex before any request; whether it
starts is only judged where that can be told by looking (its program is not there, its token's variable is unset).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NOT_FOR_STDIO: Final[tuple[str, ...]] = (
    "url", "bearer_token_env_var", "bearer_token", "http_headers", "env_http_headers", "http_headers_helper", "auth",
    "oauth", "oauth_resource",
)  # fmt: skip
_NOT_FOR_HTTP: Final[tuple[str, ...]] = ("args", "env", "env_vars", "cwd", "bearer_token")


def transport_fault(table: Mapping[str, Any]) -> str | None:
    """What is wrong with the table of one server whose types are right, in Codex's words."""
    for name in ("startup_timeout_sec", "tool_timeout_sec"):
        value = table.get(name)
        if isinstance(value, (int, float)) and value < 0:
            return "cannot convert float seconds to Duration: value is negative"
    if "command" in table:
        kind, excluded = "stdio", _NOT_FOR_STDIO
    elif "url" in table:
        kind, excluded = "streamable_http", _NOT_FOR_HTTP
    else:
        return "invalid transport"
    wrong = next((name for name in excluded if name in table), None)
    if wrong is not None:
        return f"{wrong} is not supported for {kind}"
    return _source_fault(table.get("env_vars"))


def _source_fault(variables: Any) -> str | None:
    for item in variables if isinstance(variables, list) else ():
        source = item.get("source") if isinstance(item, dict) else None
        if source not in (None, "local", "remote"):
            return f"unsupported env_vars source `{source}`; expected `local` or `remote`"
    return None


def not_starting(servers: Any, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Required servers that cannot start: (id, the reason as Codex words it)."""
    for name, table in servers.items() if isinstance(servers, dict) else ():
        if not isinstance(table, dict) or table.get("required") is not True or table.get("enabled") is False:
            continue
        command, variable = table.get("command"), table.get("bearer_token_env_var")
        if isinstance(command, str) and shutil.which(command, path=env.get("PATH", "")) is None:
            yield name, "No such file or directory (os error 2)"
        elif isinstance(variable, str) and variable not in env:
            yield name, f"Environment variable {variable} for MCP server '{name}' is not set"
