"""Codex as it would start in this shell: the environment and the folder of the command."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from joytui.codex.world import Invocation
from joytui.core.errors import UsageError


def shell_invocation(
    args: Iterable[str] = (), codex_version: str | None = None, *, without_folder: bool = False, ask: bool = False
) -> Invocation:
    """`args` is everything after `--`. A shell's folder may have been removed under it: `/` then if
    `without_folder`, otherwise UsageError. `ask`: the installed Codex may be asked."""
    try:
        folder = Path.cwd()
    except OSError:
        if not without_folder:
            raise UsageError("the current folder no longer exists", hint="cd to another one") from None
        folder = Path("/")
    return Invocation(tuple(args), dict(os.environ), folder, codex_version, ask=ask)
