"""Looks at one invocation of Codex: `look(Invocation) -> World`."""

from __future__ import annotations

from joytui.codex.world import Invocation, World


def look(invocation: Invocation) -> World:
    """What this Codex invocation will do, by the rules of its version. Reads files, sends nothing. Never raises OSError."""
    raise NotImplementedError
