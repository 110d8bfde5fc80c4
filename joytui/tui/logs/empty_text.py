"""Why the log is empty, and what would fill it. Pure."""

from __future__ import annotations

from typing import Literal

from textual.content import Content

from joytui.core.joytoken import config_block, try_command
from joytui.tui.lines import filled, keyed
from joytui.tui.no_gateway import no_gateway
from joytui.tui.shown import visible
from joytui.tui.state import LinkState

LookedAt = Literal["no", "not yet", "yes"]
"""Whether Codex's turns on this machine were looked at: not meant to be, not done yet, done."""


def nothing_yet(
    state: LinkState,
    codex_goes_to: str | None,
    filter_text: str = "",
    *,
    loading: bool = False,
    turns: LookedAt = "no",
    width: int = 80,
) -> Content:
    """The words for an empty log. `codex_goes_to`: the base_url that this machine's Codex uses, where that is known."""
    if filter_text and loading:
        whom = "Asking the gateway" if state.connected or turns == "no" else "Looking at Codex's turns"
        return Content.styled(f"{whom} for older requests that match this filter…", "bold")
    if turns == "not yet":
        return Content.styled("Reading what Codex did on this machine…", "bold")
    if filter_text:
        return Content.assemble(
            ("No request matches this filter.", "bold"),
            ("\n\nesc clears it, / changes it, ? explains the language.", ""),
        )
    if turns == "yes" and not state.connected:
        return Content("\n").join(
            [_no_turns(codex_goes_to), Content(""), *_how(state.base_url, width, "the local gateway")]
        )
    if state.phase == "off":
        return Content.assemble(
            ("The local gateway is not running, and --no-start forbids starting it.", "bold"),
            ("\n\n`joytui gateway start` starts it.", ""),
        )
    if (words := no_gateway(state, "There is no gateway to show logs from.", "bold $error")) is not None:
        return words
    return Content("\n").join([_why(codex_goes_to, state.base_url), Content(""), *_how(state.base_url, width)])


def _no_turns(codex_goes_to: str | None) -> Content:
    words = [
        ("Codex has done nothing on this machine yet.\n\n", "bold"),
        ("Each of its turns appears here as it happens. No gateway is needed.", ""),
    ]
    if codex_goes_to:
        words += [(" Your Codex talks to ", ""), (visible(codex_goes_to), "bold $secondary"), (".", "")]
    return Content.assemble(*words)


def _why(codex_goes_to: str | None, base_url: str) -> Content:
    if codex_goes_to and codex_goes_to.rstrip("/") != base_url.rstrip("/"):
        return Content.assemble(
            ("No requests yet.\n\n", "bold"),
            ("Your Codex talks to ", ""),
            (visible(codex_goes_to), "bold $secondary"),
            (" directly; joytui sees only what goes through its gateway.", ""),
        )
    if codex_goes_to:
        return Content.assemble(
            ("No requests yet.\n\n", "bold"),
            ("Your Codex talks to this gateway: its next turn appears here.", ""),
        )
    return Content.assemble(
        ("No requests yet.\n\n", "bold"),
        ("Point Codex at this gateway, and its turns appear here.", ""),
    )


def _how(base_url: str, width: int, gateway: str = "it") -> list[Content]:
    return [
        keyed("t", f"sends one real Codex turn through {gateway}; config.toml stays as it is:", width),
        *(Content.styled(f"   {line}", "$quiet") for line in filled(try_command(base_url), width - 3)),
        Content(""),
        keyed("b", "copies the config.toml block that makes it permanent:", width),
        *(Content.styled(f"   {line}", "$quiet") for line in config_block(base_url).rstrip().splitlines()),
    ]
