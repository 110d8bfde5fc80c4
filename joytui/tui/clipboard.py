"""The machine's own clipboard, beside the terminal's (OSC 52), which not every terminal takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping


def tool(env: Mapping[str, str] = os.environ) -> list[str] | None:
    """The command that takes text on stdin, where one belongs to this session. Over ssh there is none."""
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        return None
    if sys.platform == "darwin":
        wanted = ["pbcopy"]
    elif env.get("WAYLAND_DISPLAY"):
        wanted = ["wl-copy"]
    elif env.get("DISPLAY"):
        wanted = ["xclip", "-selection", "clipboard"]
    else:
        return None
    return wanted if shutil.which(wanted[0], path=env.get("PATH")) else None


def words(what: str, *, served: bool, env: Mapping[str, str] = os.environ) -> str:
    """What may be said about a text that was just copied: neither a terminal nor a browser tells whether it took it."""
    if served:
        return f"{what} was sent to the browser, which puts it on its clipboard only over https or on localhost."
    return f"{what} is on the clipboard." if tool(env) else f"{what} was sent to the terminal, for its clipboard."


def offer(text: str) -> bool:
    """Gives the text to that command; False if there is none or it fails. Never raises, never shows the text."""
    command = tool()
    if command is None:
        return False
    try:
        done = subprocess.run(
            command, input=text.encode(), timeout=2, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
