"""`codex --remote ADDR`: an app server elsewhere runs the turn, with its own configuration, key and gateway.

What is checked before it is asked, in Codex's order (0.171.0, observed): the options beside --remote, the address, the token's variable.
`codex exec --remote` reads nothing of CODEX_HOME but `.env`, not even a broken config.toml. The console takes any option, and its own
configuration must load, to the catalog; model, key and address are not used.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from joytui.codex.survey import Survey
from joytui.codex.versions import flag_of
from joytui.codex.world import Issue, RemoteServer, Stage

_TAKEN = frozenset(
    (
        "--remote", "--remote-auth-token-env", "--json", "--experimental-json", "--output-last-message", "--color",
        "--skip-git-repo-check", "--help", "--version",
    )
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what no header may hold
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")


def remote_server(state: Survey) -> RemoteServer | None:
    """The server that this invocation talks to; None if it names none, or none that Codex would ask. Faults become issues."""
    address, variable, console = state.command.remote, state.command.remote_token_variable, in_console(state)
    if address is None:
        if variable is not None:
            _refuse(
                state, "--remote-auth-token-env", "--remote-auth-token-env without --remote",
                f"{'ERROR' if console else 'Error'}: `--remote-auth-token-env` requires `--remote`.",
            )  # fmt: skip
        return None
    if console and "--no-daemon" in state.command.flags:
        _refuse(
            state, "--no-daemon", "--no-daemon cannot be combined with --remote",
            "ERROR: --no-daemon cannot be used with --remote.",
        )  # fmt: skip
        return None
    others = [flag for flag in state.command.flags if flag not in _TAKEN and not console]
    if others:
        _refuse(
            state, others[0], f"--remote does not go with {others[0]}: the server decides",
            "Error: --remote currently supports only prompt, resume by UUID, and output options; configure the agent on the server",
        )  # fmt: skip
        return None
    shown = _shown(address, state)
    if shown is None:
        _refuse(
            state, "--remote", f"{address} is not an app server's address",
            f"Error: invalid remote address `{address}`; expected `ws://host:port`, `wss://host:port`, `unix://`, or `unix://PATH`",
        )  # fmt: skip
        return None
    token = _token(state, shown, variable) if variable is not None else None
    return RemoteServer(shown, variable, token) if (token is None) == (variable is None) else None


def in_console(state: Survey) -> bool:
    """Whether the console shows the remote turn: `codex --remote`, and its resume and fork. Elsewhere no subcommand is taken for
    `codex exec`; here only a flag of exec alone says so, since the two check other things."""
    command = state.command
    flags = [flag for name in command.flags if (flag := flag_of(name, state.rules))]
    return command.subcommand in ("resume", "fork") or (
        command.subcommand == "" and not any(flag.where == "exec" for flag in flags)
    )


def stops(issue: Issue, state: Survey) -> bool:
    """Whether a local fault stops a remote turn."""
    if issue.cause in ("codex-flag-unsupported", "remote-server-failed"):
        return True
    local = Stage.CODEX_HOME <= issue.stage <= Stage.CATALOG
    return in_console(state) and local and issue.effect == "refuses"


def _shown(address: str, state: Survey) -> str | None:
    """The address as Codex writes it in its messages; None for one that it refuses."""
    if address.startswith("unix://"):
        socket = address.removeprefix("unix://")
        own = state.codex_home / "app-server-control" / "app-server-control.sock"
        return f"unix://{state.invocation.cwd / socket if socket else own}"
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("ws", "wss") and parts.hostname and parts.port is not None and parts.path in ("", "/")
        good = good and not {*"?#"} & {*address}
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}/" if good else None


def _token(state: Survey, address: str, variable: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme != "wss" and not (parts.scheme == "ws" and _LOOPBACK.fullmatch(parts.hostname or "")):
        _refuse(
            state, "--remote-auth-token-env", "a token is only sent to wss:// or to this machine",
            "Error: `--remote-auth-token-env` requires a `wss://` or loopback `ws://` remote.",
        )  # fmt: skip
        return None
    value = state.env.get(variable)
    token = (value or "").strip()
    if token and not _CONTROL.search(token):
        return token
    fault = (
        "is not set"
        if value is None
        else "is empty"
        if not token
        else "holds a line break or another control character"
    )
    said = (
        "invalid remote authorization header value: failed to parse header value"
        if token
        else f"environment variable `{variable}` {fault}"
    )
    state.add(
        "remote-server-failed", "refuses", Stage.FEATURES, f"the token's variable {variable} {fault}",
        message=f"Error: {said}", where="environment", details={"variable": variable, "server": address},
    )  # fmt: skip
    return None


def _refuse(state: Survey, flag: str, summary: str, message: str) -> None:
    state.add(
        "codex-flag-unsupported", "refuses", Stage.FEATURES, summary, message=message, where="flag",
        details={"flag": flag, "version": state.rules.version},
    )  # fmt: skip
