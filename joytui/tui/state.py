"""What the frame shows about the gateway: one frozen state, replaced as a whole; and the words to the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from joytui.core.joytoken import BASE_PATH, LOCAL_URL

Mood = Literal["good", "note", "warning", "error"]
MOODS: dict[Mood, tuple[str, str]] = {
    "good": ("✓", "bold $success"),
    "note": ("·", "bold $primary"),
    "warning": ("▲", "bold $warning"),
    "error": ("✗", "bold $error"),
}
"""How a message to the user begins: colour is never the only sign."""
Phase = Literal["idle", "finding", "starting", "live", "behind", "lost", "off", "failed"]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said to the user, at epoch milliseconds."""

    at_ms: int
    mood: Mood
    text: str


@dataclass(frozen=True, slots=True)
class LinkState:
    """The console's connection to its gateway.

    idle       not asked for (Doctor needs none); `looked`: none runs, as far as was seen
    finding, starting   on the way; `starting` only ever for the local gateway
    live, behind        connected; `behind_s` says how far the newest row lags
    lost       was there, is not now; the link retries
    off        not running, and --no-start forbids to start it
    failed     cannot be reached; `note` says why, `hint` what to do

    `role` is the token's, one of `core.roles`, None if the gateway does not report it; `teams` are those that a lead's
    token sees.
    """

    phase: Phase = "idle"
    url: str | None = None
    note: str = ""
    hint: str = ""
    upstream: str | None = None
    version: str | None = None
    keys: int = 0
    started: bool = False
    behind_s: float = 0.0
    waited_s: int = 0
    local: bool = True
    local_url: str = LOCAL_URL
    looked: bool = False
    role: str | None = None
    teams: tuple[str, ...] | None = None

    @property
    def connected(self) -> bool:
        return self.phase in ("live", "behind")

    @property
    def base_url(self) -> str:
        """The base_url that leads Codex to this gateway; to the local one while none is known."""
        return (self.url or self.local_url).rstrip("/") + BASE_PATH

    @property
    def scope(self) -> str:
        """What the token sees where that is not everything: "core, web"."""
        return ", ".join(self.teams or ())

    @property
    def place(self) -> str:
        """The gateway's address as a person says it: "127.0.0.1:8791"."""
        return (self.url or "").removeprefix("http://").removeprefix("https://").rstrip("/")


_GLYPH = {
    "idle": ("○", "$quiet"),
    "finding": ("◌", "$warning"),
    "starting": ("◌", "$warning"),
    "live": ("●", "$success"),
    "behind": ("●", "$warning"),
    "lost": ("✗", "$error"),
    "off": ("○", "$quiet"),
    "failed": ("✗", "$error"),
}


def link_words(state: LinkState) -> tuple[str, str, str, str]:
    """Glyph, its style, the short words for a narrow frame, and what a wide one adds."""
    glyph, style = _GLYPH[state.phase]
    place = state.place
    waited = f" {state.waited_s} s" if state.waited_s else ""
    short, more = {
        "idle": ("no gateway running" if state.looked else "", ""),
        "finding": ("looking for the gateway", ""),
        "starting": ("starting gateway" + waited, place),
        "live": (place, "live"),
        "behind": (f"{state.behind_s:.0f} s behind", place),
        "lost": (f"{place} lost", "retrying"),
        "off": ("no gateway", "--no-start"),
        "failed": ("no gateway", state.note),
    }[state.phase]
    if state.connected:
        more = f"{upstream_words(state.upstream)} · {more}"
    return glyph, style, short, more


def upstream_words(upstream: str | None) -> str:
    """Who answers behind the gateway, without scheme and path."""
    if not upstream:
        return "offline model"
    return "relay to " + upstream.removeprefix("https://").removeprefix("http://").split("/")[0]
