"""The frame: four screens as modes, themes, the command palette, the state of the gateway. No I/O of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.actions import parse
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from joytui.core import clock
from joytui.core.errors import JoytuiError
from joytui.tui.keymap import named
from joytui.tui.options import Options
from joytui.tui.pace import PacedApp
from joytui.tui.read_only import may_change, refusal
from joytui.tui.reading_place import reading_place
from joytui.tui.settings import ConsoleSettings
from joytui.tui.shown import pasted
from joytui.tui.state import LinkState, Said
from joytui.tui.theme import FALLBACK_VARIABLES, THEMES, theme_name

if TYPE_CHECKING:
    from datetime import datetime

    from joytui.client.console import ConsoleClient
    from joytui.tui.alerts import ShownAlert
    from joytui.tui.console import Change, Console
    from joytui.tui.export.exported import Exported
    from joytui.tui.link import Link
    from joytui.tui.logs.codex_turns import CodexTurns
    from joytui.tui.logs.store import LogStore
    from joytui.tui.state import Mood
    from joytui.tui.views import View


def _doctor() -> Screen[None]:
    from joytui.tui.screens.doctor import DoctorScreen

    return DoctorScreen()


def _logs() -> Screen[None]:
    from joytui.tui.screens.logs import LogsScreen

    return LogsScreen()


def _usage() -> Screen[None]:
    from joytui.tui.screens.usage import UsageScreen

    return UsageScreen()


def _keys() -> Screen[None]:
    from joytui.tui.screens.keys import KeysScreen

    return KeysScreen()


MOST_SAID = 100
LOOK_S = 1.0
"""How often a look is taken whether a local gateway has come up."""
NEED_GATEWAY = ("logs", "usage", "keys")


class ConsoleApp(PacedApp):
    """`goodbye` holds the line for stderr after the end, `failure` what ended the console, if an error did,
    `complaint` what was wrong with the settings file."""

    TITLE = "joytui"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "doctor": _doctor,
        "logs": _logs,
        "usage": _usage,
        "keys": _keys,
    }
    BINDINGS: ClassVar[list[BindingType]] = named(
        "",
        [
            Binding("1", "show_screen('doctor')", "Doctor", show=False, tooltip="why does my Codex not work?"),
            Binding("2", "show_screen('logs')", "Logs", show=False, tooltip="what goes through the gateway"),
            Binding("3", "show_screen('usage')", "Usage", show=False, tooltip="who spends what, on which model"),
            Binding("4", "show_screen('keys')", "Keys", show=False, tooltip="keys, budgets, who uses them"),
            Binding(
                "ctrl+f",
                "search",
                "Search",
                show=False,
                tooltip="keys, people, models, threads, requests, commands",
            ),
            Binding("comma", "settings", "Settings", show=False, tooltip="theme, gateway, budget; kept in one file"),
            Binding(
                "P",
                "owner",
                "Person",
                show=False,
                tooltip="the card of the person under the cursor: keys, spend, refusals",
            ),
            Binding(
                "x", "export", "Export", show=False, tooltip="save what is on the screen as CSV, JSON, Markdown or SVG"
            ),
            Binding(
                "a",
                "outliers",
                "Unusual spending",
                show=False,
                tooltip="since your last visit and in the window shown, largest first",
            ),
            Binding("V", "views", "Views", show=False, tooltip="open a saved view, or save this one under a name"),
            Binding(
                "H",
                "audit",
                "Audit",
                show=False,
                tooltip="who changed what: keys, budgets, policies, tokens, teams, wallets",
            ),
            Binding(
                "B",
                "budgets",
                "Budgets",
                show=False,
                tooltip="the tree of limits: what is left, when it resets, whether it lasts",
            ),
            Binding("ctrl+o", "jump", "Jump", show=False, tooltip="jump to a pane by its letter"),
            Binding("exclamation_mark", "messages", "Messages", show=False, tooltip="past messages and errors"),
            Binding("ctrl+t", "next_theme", "Theme", show=False, tooltip="dark, light, high contrast"),
            Binding("D", "dismiss_alert", "Dismiss", show=False, tooltip="hide the alert under the first line"),
            Binding(
                "escape", "cancel_start", "Cancel", show=False, priority=True, tooltip="stop waiting for the gateway"
            ),
            Binding("q", "quit", "Quit", tooltip="quit the console"),
            Binding("ctrl+z", "suspend_process", "Suspend", show=False, tooltip="suspend to the shell; fg comes back"),
            Binding("ctrl+q,ctrl+c", "quit", "Quit", show=False, tooltip="quit the console"),
            Binding("question_mark", "help", "Help", tooltip="the keys of this screen"),
            Binding("f1", "help", "Help", show=False, tooltip="the keys of this screen"),
        ],
    )

    class TurnsCame(Message):
        """Codex's newest turns on this machine are in the store."""

    link_state: reactive[LinkState] = reactive(LinkState(), always_update=False)
    alerts: reactive[tuple[ShownAlert, ...]] = reactive((), always_update=False)

    def __init__(self, options: Options) -> None:
        self.options = options
        first = options.screen or "doctor"
        self.DEFAULT_MODE = first  # type: ignore[misc]
        self._ascii: LineFilter | None = None
        self._welcomed = False
        self._dismissed: set[str] = set()
        self.said: deque[Said] = deque(maxlen=MOST_SAID)
        self.changes: list[Change] = []
        # Theme and stylesheets are before Textual's own start, or everything would be parsed a second time.
        BUILTIN_THEMES.update({theme.name: theme for theme in THEMES})
        self.set_reactive(App.theme, self._wanted_theme())
        here = Path(__file__).parent
        super().__init__(css_path=[here / "console.tcss", here / "screens" / f"{first}.tcss"])
        self.goodbye: str | None = None
        self.failure: BaseException | None = None
        self.codex_goes_to: str | None = None
        self.codex_turns: CodexTurns | None = None
        self.settings = options.settings or ConsoleSettings()
        self.complaint = ""

    def _wanted_theme(self) -> str:
        name = theme_name(self.options.theme, dark=self.options.dark)
        return name if name in BUILTIN_THEMES else theme_name("auto", dark=self.options.dark)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return FALLBACK_VARIABLES

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        if not self.options.ascii:
            return filters
        if self._ascii is None:
            from joytui.tui.ascii import AsciiOnly

            self._ascii = AsciiOnly()
        return [*filters, self._ascii]

    def draw(self, screen: Screen[Any], renderable: Any) -> None:
        self.cursor_position = reading_place(screen.focused) or self.cursor_position
        super().draw(screen, renderable)

    # The gateway

    @cached_property
    def store(self) -> LogStore:
        """The requests that came over the link; Logs draws them."""
        from joytui.tui.logs.store import LogStore

        return LogStore()

    @cached_property
    def link(self) -> Link | None:
        """The way to the gateway; None if the console only shows what it was given."""
        link = self.options.link(self._link_changed) if self.options.link else None
        if link is not None:
            link.alerted = self.take_alerts
        return link

    @property
    def client(self) -> ConsoleClient | None:
        """The console API of the gateway; None while there is none to ask."""
        return self.link.client if self.link is not None else None

    def _link_changed(self, state: LinkState) -> None:
        self.link_state = state
        if state.connected and self.options.last_visit is not None and not self._welcomed:
            self._welcomed = True
            self.run_worker(self._welcome(self.options.last_visit), group="welcome", exit_on_error=False)

    async def _welcome(self, last_visit: datetime) -> None:
        """Unusual spending since the last visit, in a message that stays until it is read."""
        from joytui.tui.usage.reading import word_for_the_absent

        if self.client is None:
            return
        text = await word_for_the_absent(self.client, last_visit, self.now_ms(), self.options.zone)
        if text:
            self.tell(text, warning=True)

    def need_gateway(self, *, start: bool = True, peek: bool = False) -> None:
        """Starts the link where it does not run yet, after the first frame. Doctor only peeks: it starts no gateway."""
        if self.link is not None and self.link.wanted():
            self.run_worker(
                self.link.run(self.store, start=start, peek=peek),
                name="link",
                group="link",
                exclusive=True,
                exit_on_error=False,
            )

    async def on_mount(self) -> None:
        self.catch_signals()
        if self.settings.keymap:
            self.set_keymap(dict(self.settings.keymap))

    def watch_drawn(self, drawn: bool) -> None:
        """The first frame is out: what it did not wait for."""
        if not drawn:
            return
        import gc

        gc.freeze()
        gc.enable()
        if self.options.now_ms is None:  # a clock that stands still counts no seconds
            self.set_interval(1.0, self._count_start)
        self._entered(self.current_mode)
        if self.complaint:
            self.tell(self.complaint, error=True)
        if self.settings.keymap:
            self._check_keymap(self.settings.keymap)
        if self.options.view is not None:
            self.open_view(self.options.view)

    def _check_keymap(self, keymap: Mapping[str, str]) -> None:
        from joytui.tui.keymap import problems

        screens = [type(make()) for make in (_doctor, _logs, _usage, _keys)]
        known = [one for owner in (type(self), *screens) for one in owner.BINDINGS if isinstance(one, Binding)]
        if wrong := problems(keymap, known):
            self.tell(f"[console.keymap]: {'; '.join(wrong)}", warning=True)

    def _entered(self, mode: str) -> None:
        if mode == "logs" and self.options.turns_home is not None:
            self._follow_codex(self.options.turns_home)
            self.need_gateway(peek=True)
        elif mode in NEED_GATEWAY:
            self.need_gateway(start=self.options.start_gateway)

    def _follow_codex(self, home: Path) -> None:
        """This machine's Codex turns come into the log from now on, and a gateway that starts is noticed there."""
        if self.codex_turns is not None:
            return
        from joytui.tui.logs.codex_turns import CodexTurns

        self.codex_turns = CodexTurns(home, self.store, lambda: self.post_message(self.TurnsCame()))
        self.run_worker(self.codex_turns.run(), group="turns", exit_on_error=False)
        self.set_interval(LOOK_S, self._look_for_gateway)

    def _look_for_gateway(self) -> None:
        if self.link is not None and self.link.appeared():
            self.need_gateway(peek=True)

    def on_console_app_turns_came(self) -> None:
        """The log shows what is there, or that nothing is."""
        from joytui.tui.screens.logs import LogsScreen

        if isinstance(self.screen, LogsScreen):
            self.screen.turns_came()

    # Actions

    async def run_action(
        self, action: Any, default_namespace: DOMNode | None = None, namespaces: Mapping[str, DOMNode] | None = None
    ) -> bool:
        """Every key, click and command of the palette comes by here: what a read-only console, or one with a viewer's token,
        refuses stops here."""
        if self.options.read_only or self.link_state.role == "viewer":
            place, name, _ = parse(action) if isinstance(action, str) else action
            target = {"app": self, "screen": self.screen}.get(place, default_namespace or self)
            if self.refuses(target, name):
                return True
        return await super().run_action(action, default_namespace, namespaces)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Paste):
            event.text = pasted(event.text)
        elif isinstance(event, (events.Key, events.MouseDown)):
            self._somebody_is_here()
        await super().on_event(event)

    def _somebody_is_here(self) -> None:
        from joytui.tui.widgets.keybar import KeyBar

        for bar in self.screen.query(KeyBar):
            bar.pressed()

    def refuses(self, target: object, name: str) -> bool:
        """Whether this console does not do this, since it changes something; says so then."""
        why = refusal(target, name, self.options, self.link_state)
        if why is not None:
            self.tell(why, error=True)
        return why is not None

    def may_change(self, *, admins: bool = False) -> bool:
        """Whether the gateway's things may be changed from here; `admins`: those that an admin alone changes."""
        return may_change(self.options, self.link_state, admins=admins)

    def action_show_screen(self, name: str) -> None:
        if len(self.screen_stack) > 1:
            return  # a dialog stands open: it answers first
        self.switch_mode(name)
        self._entered(name)

    async def action_quit(self) -> None:
        if self.link is not None:
            ended = self.workers.cancel_group(self, "link")  # our own tail must not count as another console
            await asyncio.gather(*(worker.wait() for worker in ended), return_exceptions=True)
            self.goodbye = await self.link.leave()
        self.exit()

    def action_cancel_start(self) -> None:
        """Stops waiting for a gateway that is looked for or starting."""
        if self.link_state.phase in ("finding", "starting"):
            self.workers.cancel_group(self, "link")
            note = "stopped waiting; the gateway may still start"
            self.link_state = replace(self.link_state, phase="off", note=note, hint="2, 3 or 4 tries again")

    def take_alerts(self, alerts: tuple[ShownAlert, ...]) -> None:
        """Those of the last hours that matter, as the gateway told them."""
        self.alerts = tuple(one for one in alerts if one.id not in self._dismissed)

    def watch_alerts(self) -> None:
        self.refresh_bindings()

    def action_dismiss_alert(self) -> None:
        """Takes the one that is shown away, until this console ends."""
        if self.alerts:
            self._dismissed.add(self.alerts[0].id)
            self.alerts = self.alerts[1:]

    def _count_start(self) -> None:
        """How long the gateway has been starting, for the frame."""
        if self.link_state.phase in ("finding", "starting"):
            self.link_state = replace(self.link_state, waited_s=self.link_state.waited_s + 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "dismiss_alert":
            return bool(self.alerts)
        if action != "cancel_start":
            return True
        return self.link_state.phase in ("finding", "starting") and len(self.screen_stack) == 1

    def action_search(self) -> None:
        from joytui.tui.palette import named_commands
        from joytui.tui.screens.search import SearchDialog
        from joytui.tui.search.candidates import Candidate

        if len(self.screen_stack) == 1:
            shown = [
                Candidate("command", one.name, f"{one.shown}  {one.help}", one.key)
                for one in named_commands(self.screen)
            ]
            self.push_screen(SearchDialog(shown))

    def action_outliers(self) -> None:
        from datetime import timedelta

        from joytui.tui.screens.base import ConsoleScreen
        from joytui.tui.screens.outliers import OutliersDialog

        if not isinstance(self.screen, ConsoleScreen):
            return
        now, visit = self._now(), self.options.last_visit
        window = self.screen.window_begin() or now - timedelta(days=7)
        self.push_screen(OutliersDialog(min(window, visit) if visit else window, visit, now))

    def action_owner(self) -> None:
        from joytui.tui.screens.base import ConsoleScreen
        from joytui.tui.screens.owner import OwnerDialog

        if not isinstance(self.screen, ConsoleScreen):
            return
        subject = self.screen.subject()
        if subject is None:
            self.tell(
                "no person is selected: select a request in Logs, a line by owner or key in Usage, or a key in Keys",
                error=True,
            )
            return
        self.push_screen(OwnerDialog(subject, self._now()))

    def show_owner(self, owner: str) -> None:
        """The card of this person, over the screen that is shown."""
        from joytui.tui.people.owner import Subject
        from joytui.tui.screens.owner import OwnerDialog

        self.push_screen(OwnerDialog(Subject(owner), self._now()))

    def action_views(self) -> None:
        from joytui.tui.screens.base import ConsoleScreen
        from joytui.tui.screens.views import ViewsDialog
        from joytui.tui.views import View

        if isinstance(self.screen, ConsoleScreen):
            here = View("", self.screen.MODE, self.screen.view_values())
            self.push_screen(ViewsDialog(here), lambda view: self.open_view(view) if view else None)

    def open_view(self, view: View) -> None:
        """The screen as it was saved. What does not hold any more is left out, and said."""
        from joytui.tui.screens.base import ConsoleScreen

        self.action_show_screen(view.screen)
        if isinstance(self.screen, ConsoleScreen):
            problem = self.screen.take_view(view.values)
            if problem:
                self.call_after_refresh(self.tell, f"the view {view.name}: {problem}", error=True)

    def action_export(self) -> None:
        from joytui.tui.screens.base import ConsoleScreen

        if not isinstance(self.screen, ConsoleScreen):
            return
        self.export(self.screen.exported())

    def export(self, exported: Exported | None) -> None:
        """Asks in which form and where, and writes it; says so where there is nothing."""
        from joytui.tui.screens.export import ExportDialog

        if exported is None:
            self.tell("there is nothing to export here yet", error=True)
            return
        where = " on the machine of `joytui serve`" if self.options.served else ""
        self.push_screen(ExportDialog(exported), lambda path: self.tell(f"Written: {path}{where}") if path else None)

    def action_audit(self) -> None:
        from joytui.tui.screens.audit import AuditDialog

        self._over_gateway(AuditDialog)

    def action_budgets(self) -> None:
        from joytui.tui.screens.budgets import BudgetsDialog

        self._over_gateway(BudgetsDialog, lambda chosen: self.show_budget(*chosen) if chosen else None)

    def _over_gateway(self, make: Callable[[], Screen[Any]], then: Callable[[Any], None] | None = None) -> None:
        """Opens a dialog that asks the gateway; says so where there is none."""
        if len(self.screen_stack) > 1:
            return
        if self.client is None:
            self.tell("there is no gateway to ask", error=True)
        else:
            self.push_screen(make(), then)

    def show_budget(self, node: str, period: str) -> None:
        """Usage with the burn-down of this limit of a node."""
        self.action_show_screen("usage")
        self.call_after_refresh(self._show_budget, node, period)

    def _show_budget(self, node: str, period: str) -> None:
        from joytui.tui.screens.usage import UsageScreen

        if isinstance(self.screen, UsageScreen):
            self.screen.show_budget(node, period)

    def action_settings(self, field: str | None = None) -> None:
        from joytui.tui.screens.settings import SettingsDialog

        if len(self.screen_stack) == 1 and not self.refuses(self, "settings"):
            self.push_screen(SettingsDialog(field))

    def take_settings(self, settings: ConsoleSettings) -> None:
        """What was saved holds at once, but for the gateway, which stays the one that is shown."""
        if settings.theme != self.settings.theme:
            self.theme = theme_name(settings.theme, dark=self.options.dark)
        if settings.ascii is not None:
            self.options = replace(self.options, ascii=settings.ascii)
        self.settings = settings
        self.screen.refresh(layout=True)
        self.tell(f"saved in {self.options.places.config_file}")
        from joytui.tui.screens.usage import UsageScreen

        if isinstance(self.screen, UsageScreen):
            self.screen.action_notice()

    def action_jump(self) -> None:
        from joytui.tui.screens.jump import JumpOverlay, panes

        found = panes(self.screen)
        if len(self.screen_stack) == 1 and found:
            self.push_screen(JumpOverlay(found))

    def show_logs(self, text: str) -> None:
        """Logs with this filter, from wherever the user is."""
        from joytui.tui.screens.logs import LogsScreen

        self.action_show_screen("logs")
        if isinstance(self.screen, LogsScreen):
            self.screen.open_with(text)  # before it is drawn: no old line is under the new filter

    def show_key(self, key_id: str) -> None:
        """Keys with the cursor on this key."""
        self.action_show_screen("keys")
        self.call_after_refresh(self._go_to_key, key_id)

    def _go_to_key(self, key_id: str) -> None:
        from joytui.tui.screens.keys import KeysScreen

        if isinstance(self.screen, KeysScreen):
            self.screen.go_to(key_id)

    def action_help(self) -> None:
        from joytui.tui.screens.help import HelpDialog

        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(self.screen))

    def action_next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        here = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(here + 1) % len(names)]
        self.tell(f"theme: {self.theme.removeprefix('joytui-')}")

    def action_try_turn(self) -> None:
        from joytui.tui.screens.trial import TrialDialog

        self.push_screen(TrialDialog())

    def action_copy_try(self) -> None:
        from joytui.core.joytoken import try_command

        self.copy(try_command(self.link_state.base_url), "The try command")

    def copy_block(self) -> None:
        """The guide's config.toml for the gateway that this console shows."""
        from joytui.core.joytoken import config_block

        self.copy(config_block(self.link_state.base_url), "The config.toml block")

    def now_ms(self) -> int:
        """The current moment in epoch milliseconds; fixed by the options for snapshots."""
        if self.options.now_ms is not None:
            return self.options.now_ms
        return clock.now_ms()

    def make_change(self, change: Change) -> None:
        """Makes it in the background, and says what came of it; `undo_change` puts it back."""
        if self.client is not None:
            self.run_worker(self._changing(change.make(self.client), change), group="change", exit_on_error=False)

    def undo_change(self) -> None:
        """Puts the latest change of a policy or a budget back that this console made."""
        if not self.changes:
            self.tell("no policy and no budget was changed in this console yet", error=True)
        elif self.client is not None:
            change = self.changes[-1]
            work = self._changing(change.undo(self.client), change, back=True)
            self.run_worker(work, group="change", exit_on_error=False)

    async def _changing(self, work: Awaitable[None], change: Change, *, back: bool = False) -> None:
        try:
            await work
        except JoytuiError as error:
            self.tell(f"{error.what}: {error.hint}" if error.hint else error.what, error=True)
            return
        if back:
            self.changes.remove(change)
            self.tell(f"{change.what} is restored")
        else:
            self.changes.append(change)
            self.tell(f"{change.what} is changed; u undoes it")
        reload = getattr(self.screen, "action_reload", None)
        if reload is not None:
            reload()

    def _now(self) -> datetime:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def copy(self, text: str, what: str) -> None:
        """To the clipboard, by the terminal and by what the machine offers; says so."""
        from joytui.tui.clipboard import offer, words

        self.copy_to_clipboard(text)
        if not self.options.served:  # the user sits at another machine's clipboard
            self.run_worker(lambda: offer(text), thread=True, group="clipboard", exit_on_error=False)
        self.tell(words(what, served=self.options.served))

    def tell(self, text: str, *, error: bool = False, warning: bool = False, note: bool = False) -> None:
        """A short word to the user in the last line, where it covers nothing; a toast where a dialog is open. `!` lists what
        was said; an error and a warning stay until they are read. `note`: nothing was done, and nothing went wrong."""
        from joytui.tui.widgets.keybar import KeyBar

        mood: Mood = "error" if error else "warning" if warning else "note" if note else "good"
        self.said.append(Said(self.now_ms(), mood, text))
        bars = self.screen.query(KeyBar)
        if bars:
            bars.first().tell(text, mood)
        else:
            super().tell(text, error=error, warning=warning)

    def action_messages(self) -> None:
        from joytui.tui.screens.messages import MessagesDialog

        if len(self.screen_stack) == 1:
            self.push_screen(MessagesDialog(tuple(self.said)))

    # The palette

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        from joytui.tui.palette import commands

        yield from commands(self, screen)

    # The end

    def fail(self, error: Exception) -> None:
        """An error of ours ends the console without a wall of local variables: those may hold keys."""
        if self.is_headless:
            super().fail(error)
            return
        self.failure = self.failure or error
        self.end_without_traceback(error)


if TYPE_CHECKING:

    def _as_screens_see_it(app: ConsoleApp) -> Console:
        """The type checker proves here that the app has everything that screens may ask for."""
        return app
