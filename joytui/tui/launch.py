"""Opens the console on a terminal and leaves the terminal as it was, whatever happens.

The order matters: the question about the background goes out first, the imports run while the terminal answers.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, SettingsError, UsageError
from joytui.core.places import Places, places
from joytui.core.whole_file import write_whole
from joytui.tui.options import Wishes

if TYPE_CHECKING:
    from datetime import datetime

    from joytui.tui.app import ConsoleApp
    from joytui.tui.settings import ConsoleSettings
    from joytui.tui.views import View


def open_console(wishes: Wishes, say: Callable[[str], None]) -> int:
    """Runs the console until the user leaves it; returns the exit code. `say` gets the words for after the end.

    Raises UsageError if no console can open.
    """
    if wishes.served:
        from joytui.tui.served import open_served

        return open_served(wishes, say)
    refuse_without_terminal(os.environ)
    gc.disable()
    from joytui.tui.background import Question

    question = Question()
    question.ask()
    try:
        import joytui.tui.app
        import joytui.tui.settings  # noqa: F401 (both while the terminal answers)
    finally:
        dark = question.answer()
    where = places()
    app = make_app(wishes, where, dark=dark)
    terminal = _Terminal()
    try:
        app.run()
    finally:
        terminal.restore()
    _remember(app, where, wishes)
    return farewell(app, where, say)


def make_app(wishes: Wishes, where: Places, *, dark: bool) -> ConsoleApp:
    """The console for these words; a settings file that does not hold is left out, and the console says so."""
    from joytui.tui.app import ConsoleApp
    from joytui.tui.settings import ConsoleSettings, load

    try:
        settings, complaint = load(where.config_file), ""
    except SettingsError as error:
        settings, complaint = ConsoleSettings(), f"the settings are ignored: {error.where}: {error.what}"
    view, wrong = _view(wishes, where) if wishes.view else (None, "")
    app = ConsoleApp(_options(wishes, where, settings, dark, view))
    app.complaint = complaint or wrong
    return app


def _view(wishes: Wishes, where: Places) -> tuple[View | None, str]:
    """The view that was asked for; or none and what is wrong, which ends the command, but not a page of `joytui serve`."""
    from joytui.tui.views import load_views

    try:
        views = load_views(where.config_file)
    except SettingsError as error:
        return None, f"{error.where}: {error.what}"
    if wishes.view in views:
        return views[wishes.view], ""
    known = ", ".join(views) or "none yet; V in the console saves one"
    if wishes.served:
        return None, f"no view is called {wishes.view}"
    raise UsageError(f"no view is called {str(wishes.view)[:40]!r}", where="--view", hint=f"saved views: {known}")


def refuse_without_terminal(env: Mapping[str, str]) -> None:
    """The console needs a terminal that can place the cursor; everything else has its command."""
    hint = "every screen has a command: joytui doctor, logs, usage, keys (with --json for scripts)"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the console needs a terminal, but stdin or stdout is not one", hint=hint)
    term = env.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        raise UsageError(
            f"the console needs a terminal that can place the cursor; TERM is {term or 'not set'}", hint=hint
        )


def _options(wishes: Wishes, where: Places, settings: ConsoleSettings, dark: bool, view: View | None = None) -> Any:
    """The command line's words win over the settings file, and that over what is remembered."""
    from joytui.codex.home import codex_home
    from joytui.tui.doctor.worker import examine_here
    from joytui.tui.memory import load
    from joytui.tui.options import Options

    memory = load(where.ui_state_file)
    gateway_url = wishes.gateway_url or settings.gateway
    by_locale = _ascii(os.environ) if settings.ascii is None else settings.ascii
    home = codex_home(os.environ)

    def make_link(changed: Any) -> Any:
        from joytui.tui.link import Link

        read_only = wishes.served == "read-only"
        shut = read_only and not os.environ.get("JOYTUI_ADMIN_TOKEN")
        return Link(where, changed, gateway_url=gateway_url, read_only=read_only, shut=shut)

    return Options(
        places=where,
        screen=(view.screen if view else None) or wishes.screen or memory.screen or "doctor",
        view=view,
        theme=wishes.theme or settings.theme or memory.theme,
        dark=dark,
        ascii=(by_locale and not wishes.served) if wishes.ascii is None else wishes.ascii,
        gateway_url=gateway_url,
        start_gateway=wishes.start_gateway and settings.start_gateway,
        codex_home=home if home.is_dir() else None,
        turns_home=home if _shows_turns(wishes, gateway_url, os.environ) else None,
        settings=settings,
        codex_args=wishes.codex_args,
        read_only=wishes.served == "read-only",
        served=wishes.served is not None,
        last_visit=_moment(memory.left_at) if wishes.served is None else None,
        examine=examine_here,
        link=make_link,
    )


def _shows_turns(wishes: Wishes, gateway_url: str | None, env: Mapping[str, str]) -> bool:
    """Whether Logs shows the Codex turns of this machine: not beside somebody else's gateway, and not in anybody's browser."""
    return gateway_url is None and wishes.served is None and not env.get("JOYTUI_ADMIN_TOKEN", "").strip()


def _moment(text: str | None) -> datetime | None:
    from joytui.core.clock import parse_time

    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _ascii(env: Mapping[str, str]) -> bool:
    """Whether the locale says that this terminal takes no UTF-8."""
    locale = env.get("LC_ALL") or _own_ctype(env) or env.get("LANG") or ""
    return locale in ("C", "POSIX") or ("." in locale and "utf" not in locale.lower())


def _own_ctype(env: Mapping[str, str]) -> str:
    """LC_CTYPE as the user has it: Python itself sets it to a UTF-8 one where the locale is C or is not installed (PEP 538)."""
    value = env.get("LC_CTYPE", "")
    if value not in ("C.UTF-8", "C.utf8", "UTF-8"):
        return value
    try:
        with open("/proc/self/environ", "rb") as file:
            return value if f"LC_CTYPE={value}".encode() in file.read().split(b"\0") else ""
    except OSError:
        return value


class _Terminal:
    """The terminal's settings as they were, to be restored even if the console could not do it itself."""

    def __init__(self) -> None:
        try:
            import termios

            self._settings: Any = termios.tcgetattr(sys.stdin.fileno())
        except (ImportError, OSError, ValueError):
            self._settings = None

    def restore(self) -> None:
        if self._settings is None:
            return
        import termios

        try:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._settings)
        except (OSError, termios.error):
            pass  # the terminal is gone: nothing to restored


def _remember(app: ConsoleApp, where: Places, wishes: Wishes) -> None:
    from joytui.core.clock import now, rfc3339
    from joytui.tui.memory import Memory, load, save
    from joytui.tui.theme import theme_name

    before = load(where.ui_state_file)
    automatic = theme_name(wishes.theme or app.settings.theme or before.theme, dark=app.options.dark)
    theme = before.theme if app.theme == automatic else app.theme
    save(where.ui_state_file, Memory(screen=app.current_mode, theme=theme, left_at=rfc3339(now())))


def farewell(app: ConsoleApp, where: Places, say: Callable[[str], None]) -> int:
    if app.failure is not None:
        say(f"joytui: the console stopped because of a bug: {_record(app.failure, where)}")
        return EXIT_BAD_NEWS
    if app.goodbye:
        say(app.goodbye)
    return app.return_code or EXIT_OK


def _record(error: BaseException, where: Places) -> str:
    """Keeps the redacted traceback in the data folder for a bug report; returns one line about it."""
    import traceback

    from joytui.core.redaction import Redactor, visible

    redactor = Redactor()
    line = visible(redactor.text(f"{type(error).__name__}: {error}"), limit=200).replace("\n", " ")
    place = where.data_dir / "console-error.log"
    try:
        write_whole(place, visible(redactor.text("".join(traceback.format_exception(error)))).encode())
    except OSError:
        return line
    return f"{line} (details for a bug report: {place})"
