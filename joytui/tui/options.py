"""What the console was asked to do, decided before it opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from joytui.core.places import Places
    from joytui.core.records import Finding, SurfaceCell
    from joytui.doctor.surfaces.machine import How
    from joytui.tui.doctor.fixing import Offer
    from joytui.tui.doctor.worker import Examine
    from joytui.tui.link import Link
    from joytui.tui.settings import ConsoleSettings
    from joytui.tui.state import LinkState
    from joytui.tui.views import View

    Surfaces = Callable[[tuple[str, ...], How, Finding | None], tuple[SurfaceCell, ...]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """The words of the command line. `served`: by `joytui serve`, in a browser, whose page is `light` or dark."""

    screen: str | None = None
    theme: str | None = None
    ascii: bool | None = None
    gateway_url: str | None = None
    start_gateway: bool = True
    codex_args: tuple[str, ...] = ()
    view: str | None = None
    served: Literal["read-only", "changes"] | None = None
    light: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """`screen` None: where the last run ended. `examine`, `link`: what runs the doctor and reaches the gateway; None
        leaves the screen with the data that it is given (snapshots). `offer`: what plans a fix, `surfaces`: what finds out where
    else Codex may start; None: this machine's own, in this environment. `codex_home`: whose files Usage reads; None:
    nobody's. `turns_home`: whose Codex turns are in Logs, which needs no gateway then; None: nobody's. `last_visit`: when the last run ended. `view`: what is opened first. `read_only`: what changes something is refused
        (`tui.read_only`). `served`: the console is in a browser, whose user need not be this machine's."""

    places: Places
    screen: str | None = None
    theme: str | None = None
    dark: bool = True
    ascii: bool = False
    gateway_url: str | None = None
    start_gateway: bool = True
    codex_args: tuple[str, ...] = ()
    read_only: bool = False
    served: bool = False
    now_ms: int | None = None
    zone: tzinfo | None = None
    codex_home: Path | None = None
    turns_home: Path | None = None
    last_visit: datetime | None = None
    view: View | None = None
    settings: ConsoleSettings | None = None
    examine: Examine | None = None
    offer: Callable[[Finding, tuple[str, ...]], Offer | None] | None = None
    surfaces: Surfaces | None = None
    link: Callable[[Callable[[LinkState], None]], Link] | None = None
