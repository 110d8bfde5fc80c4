"""Where the installed Codex and joytui's model of it disagree, the installed Codex is right.

What it lists (models, features, flags) takes the place of the version's file; what its loader says of the configuration decides over the
faults that joytui read out of the same files.
"""

from __future__ import annotations

import re
from dataclasses import replace

from joytui.codex.asked import Asked, Loader
from joytui.codex.asking import ask_facts, ask_loader, program_of
from joytui.codex.survey import Survey
from joytui.codex.versions import Rules, asked_rules, flag_of
from joytui.codex.world import CodexBinary, Invocation, Issue, Stage
from joytui.core.places import places

_ACTS = ("--trust", "--oss", "--local-provider", "--remote", "--remote-auth-token-env", "--help", "--version")
"""With these Codex does more than to load: it writes, looks for a server, or answers something else."""


def ask_knowledge(invocation: Invocation, binary: CodexBinary | None, rules: Rules) -> tuple[Asked | None, Rules]:
    """What the binary knows, and the version's rules with that instead of the file's; None if it is not to be asked."""
    if not invocation.ask or binary is None:
        return None, rules
    program = program_of(binary)
    if program is None:
        return Asked(why=f"{binary.path} is not a file that only you or root can write"), rules
    facts = ask_facts(program, invocation.env, places(invocation.env).cache_dir)
    return Asked(facts), asked_rules(rules, facts.models, facts.default_model, facts.features, facts.flags)


def ask_about_configuration(state: Survey) -> None:
    """Lets Codex's loader read what joytui has read, and follows it."""
    asked, program = state.asked, program_of(state.binary) if state.binary else None
    if asked is None or program is None or asked.why:
        return
    why = _unfit(state)
    if why:
        loader = Loader("not asked", why=why)
    else:
        command = state.command
        args = (*(() if "--skip-git-repo-check" in command.flags else ("--skip-git-repo-check",)), *command.passed)
        loader = ask_loader(
            program, args, state.env, state.invocation.cwd, state.codex_home, strict=not command.strict_config
        )
    state.asked = replace(asked, loader=loader)
    _follow(state, state.asked)


def _unfit(state: Survey) -> str:
    """Why the loader's answer would not be about this invocation; "" where it is."""
    command, invocation = state.command, state.invocation
    if invocation.instead or invocation.system_dir != Invocation((), {}, invocation.cwd).system_dir:
        return "these are not the files that Codex would read"
    if command.subcommand not in ("", "exec") or command.prompt in ("resume", "fork", "review"):
        return "a subcommand other than exec"
    if acts := [flag for flag in (*command.flags, *command.unknown) if flag in _ACTS]:
        return f"with {acts[0]} Codex does more than load its configuration"
    if not state.codex_home.is_dir() and not state.env.get("CODEX_HOME"):
        return f"there is no {state.codex_home}"
    return ""


def _follow(state: Survey, asked: Asked) -> None:
    loader = asked.loader
    ours = sorted(
        (issue for issue in state.issues if _early(issue) and _was_asked(issue, state)), key=lambda issue: issue.stage
    )
    if loader.outcome == "loads":
        for issue in ours:
            state.issues.remove(issue)
            asked.disagreements.append(f"joytui considered it a fault ({issue.summary}), but Codex loads it")
    elif loader.fault is not None:
        _believe(state, asked, loader.fault, ours[0] if ours else None)


def _early(issue: Issue) -> bool:
    """A fault that the loader meets, too: it stops at the provider, whose name stands in for the user's."""
    return issue.effect == "refuses" and issue.stage < Stage.LATE_PROVIDERS and issue.key != "model_provider"


def _was_asked(issue: Issue, state: Survey) -> bool:
    """Of the arguments, the loader judged those that were passed on: no prompt, and no flag of the console alone."""
    if issue.stage != Stage.ARGUMENTS:
        return True
    words = [word.partition("=")[0] for word in state.command.passed if word.startswith("-")]
    names = {flag.name if (flag := flag_of(word, state.rules)) else word for word in words}
    return issue.details.get("flag") in names


def _believe(state: Survey, asked: Asked, said: str, ours: Issue | None) -> None:
    cause = cause_of(said)
    if _NO_FILE.match(said):  # it does not say which
        if ours is not None:
            return
        cause = "codex-flag-unsupported" if _names_folder(state) else "config-unreadable"
    if ours is not None and ours.cause == cause:
        return  # joytui's own words of it are those of the whole command
    summary = said.split("\n")[0] if ours is None or cause != "config-syntax" else said.split("\n")[-1]
    key = re.search(r"in `([^`]+)`", said)
    place = re.search(r"^(/[^\n:]+|[A-Z]:\\[^\n:]+):(\d+):\d+", said, re.M)
    path = tuple(key[1].split(".")) if key else ()
    where = f"{place[1]}:{place[2]}" if place else state.where(path) if path else None
    if cause == "codex-flag-unsupported":
        where = "flag"
    told = f"Codex itself says: {summary}"
    state.add(cause, "refuses", Stage.ARGUMENTS, told, message=said, where=where, key=key[1] if key else None)
    expected = f"{ours.cause} ({ours.summary})" if ours else "no fault"
    asked.disagreements.append(f"joytui expected {expected}, but Codex says: {summary}")


_NO_FILE = re.compile(r"(?:Error: )?No such file or directory")


def _names_folder(state: Survey) -> bool:
    """Whether the arguments name the folder to work in."""
    return any(re.match(r"-C|--cd(?:=|$)", word) for word in state.command.passed)


_SAID: tuple[tuple[str, str], ...] = (
    (r"^error: ", "codex-flag-unsupported"),
    (r"Unknown feature flag|thread 'main' panicked|`--[\w-]+` (?:requires|cannot)", "codex-flag-unsupported"),
    (r"finding codex home", "codex-home-invalid"),
    (r"unknown configuration field", "unknown-keys"),
    (r'wire_api = "chat"` is no longer supported', "wire-api-removed"),
    (r"in `model_providers\.[^`]+\.wire_api`|unknown variant `[^`]*`, expected `responses`", "wire-api-invalid"),
    (r"reserved built-in provider IDs|^(?:Error[^:]*: )?model_providers\.[\w-]+ only supports", "provider-id-reserved"),
    (r"legacy `profile|--profile `", "profile-legacy"),
    (r"config profile `", "profile-missing"),
    (r"model_providers\.[^\s:]+: |provider name must not be empty|missing field `name`|choose one gateway credential", "provider-invalid"),
    (r"Failed to read config file|invalid utf-8|Is a directory", "config-unreadable"),
    (r"invalid (?:type|value|length)|unknown (?:variant|field)|missing field|did not match any variant|data did not", "config-type"),
    (r":\d+:\d+: |TOML parse error", "config-syntax"),
)  # fmt: skip


def cause_of(said: str) -> str:
    """The cause that Codex's words name, when it ends while it loads."""
    return next((cause for pattern, cause in _SAID if re.search(pattern, said, re.M)), "config-type")
