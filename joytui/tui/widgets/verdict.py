"""The right of Doctor: the verdict first and large, then why, the proof, what Codex says, the fix, the warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from joytui.core.joytoken import config_block
from joytui.tui.doctor import verdict_text as words
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.doctor.walk_lines import no_codex
from joytui.tui.lines import quoted
from joytui.tui.widgets.fitted import Fitted, Maker

if TYPE_CHECKING:
    from joytui.core.records import Report

# In the order of the screen, and whether the part is in a box (what is quoted or copied). Where there is room for two columns,
# what is beside the verdict is in the second.
MAIN = (
    ("why", False),
    ("says", True),
    ("evidence", False),
    ("fix", False),
    ("commands", True),
    ("patch", True),
    ("block", True),
)
ASIDE = (("warnings", False), ("effective", False))
PARTS = (*MAIN, *ASIDE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: where it stands, its title with the key that acts on it, and its text for a width."""

    name: str
    title: str
    make: Maker
    hint: str = ""


class VerdictPane(VerticalScroll, can_focus=True):
    """A fixed set of parts: showing another snapshot replaces their text and nothing else, so nothing flickers."""

    DEFAULT_CSS = """
    VerdictPane { padding: 0 2; scrollbar-size-vertical: 1; }
    VerdictPane #banner { padding: 1 2; margin: 0 0 1 0; background: $panel; height: auto; }
    VerdictPane #banner.-good { background: $banner-good; }
    VerdictPane #banner.-bad { background: $banner-bad; }
    VerdictPane #banner.-doubt { background: $banner-doubt; }
    VerdictPane .title { height: 1; display: none; text-wrap: nowrap; }
    VerdictPane .part { margin: 0 0 1 0; padding: 0 1 0 0; display: none; }
    VerdictPane .-boxed { background: $panel; padding: 0 1; border-left: outer $rule; }
    VerdictPane .-there { display: block; }
    VerdictPane .-leads { margin: 0; }
    VerdictPane #columns { height: auto; layout: vertical; }
    VerdictPane #main, VerdictPane #aside { height: auto; width: 1fr; }
    """

    def compose(self) -> ComposeResult:
        yield Fitted(id="banner")

    async def _mount_parts(self) -> None:
        """All parts, once, when there is something to say: the first frame does without them."""
        main, aside = (Vertical(*_widgets(named), id=name) for name, named in (("main", MAIN), ("aside", ASIDE)))
        await self.mount(Container(main, aside, id="columns"))

    async def show(self, snapshot: DoctorSnapshot) -> None:
        """Nothing if the console closes already: a look may end while it does."""
        if not self.is_attached:
            return
        head = words.headline(snapshot)
        banner = self.query_one("#banner", Fitted)
        banner.show(partial(words.banner, head))
        for mood in ("good", "bad", "doubt", "calm"):
            banner.set_class(head.mood == mood, f"-{mood}")
        there = {part.name: part for part in parts(snapshot)}
        if there and not self.query(".part"):
            await self._mount_parts()
        if not self.query(".part"):
            return
        for name, _ in PARTS:
            part = there.get(name)
            title, text = self.query_one(f"#{name}-title", Static), self.query_one(f"#{name}", Fitted)
            title.set_class(part is not None and bool(part.title), "-there")
            text.set_class(part is not None, "-there")
            text.set_class(name == "fix" and "commands" in there, "-leads")
            if part is not None:
                title.update(
                    Content.assemble((part.title, "bold $quiet"), (f"   {part.hint}" if part.hint else "", "$quiet"))
                )
                text.show(part.make)


def _widgets(named: Iterable[tuple[str, bool]]) -> Iterator[Widget]:
    for name, boxed in named:
        yield Static(id=f"{name}-title", classes="title")
        yield Fitted(id=name, classes="part -boxed" if boxed else "part")


def parts(snapshot: DoctorSnapshot) -> Iterator[Part]:
    """The parts that this snapshot has; none while the first look is still under way."""
    report = snapshot.report
    if report is None or snapshot.phase == "failed":
        return
    if no_codex(report) or report.verdict.explanation:
        yield Part("why", "", partial(words.explanation, snapshot))
    if no_codex(report):
        yield from _guide(report)
        return
    yield from _proof(report)
    yield from _fix(report)
    if report.warnings:
        told = partial(words.warnings, report.warnings, at=words.places_of(report))
        yield Part("warnings", f"WARNINGS ({len(report.warnings)})", told)
    if report.effective:
        yield Part("effective", "WHAT CODEX WILL USE", partial(words.effective_values, report))


def _proof(report: Report) -> Iterator[Part]:
    verdict = report.verdict
    if verdict.codex_says:
        said = Content(words.clean(verdict.codex_says.strip()))
        yield Part("says", "CODEX SAYS", lambda width: said)
    if verdict.evidence:
        yield Part("evidence", "EVIDENCE", partial(words.evidence, verdict.evidence, at=words.places_of(report)))


def _fix(report: Report) -> Iterator[Part]:
    fix = report.verdict.fix
    if fix is not None:
        summary = words.places_of(report)(fix.summary)
        yield Part("fix", "FIX", quoted(summary, "bold"), hint="y copies it")
        if fix.commands:
            yield Part("commands", "", partial(words.commands, fix))
        if fix.patch:
            patch = words.patch(fix.patch)
            yield Part("patch", "THE CHANGE AS A DIFF", lambda width: patch)
    given = "\n".join((*fix.commands, fix.patch or "")) if fix else ""
    if _lacks_block(report.verdict.cause) and "base_url" not in given:
        yield from _guide(report)


def _lacks_block(cause: str | None) -> bool:
    from joytui.causes import CAUSES

    return cause in CAUSES and bool(CAUSES[cause].lacks)


def _guide(report: Report) -> Iterator[Part]:
    block = Content(config_block().rstrip())
    yield Part("block", "THE GUIDE'S CONFIG.TOML", lambda width: block, hint="b copies it")
