"""The right of Doctor: the verdict first and large, then why, the proof, what Codex says, the mend, the warnings."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from joytui.core.joytoken import config_block
from joytui.core.records import Report
from joytui.tui.doctor import verdict_text as words
from joytui.tui.doctor.snapshot import DoctorSnapshot

OFFERS_BLOCK = ("config-missing", "provider-not-selected", "provider-undefined", "base-url-missing", "config-syntax")


class Section(Static):
    """A titled part; without content it is not there."""

    DEFAULT_CSS = """
    Section { height: auto; margin: 0 0 1 0; display: none; }
    Section.-there { display: block; }
    Section.-boxed {
        background: $panel; padding: 0 1; border-left: tall $rule;
    }
    Section.-title { margin: 0; color: $quiet; text-style: bold; }
    """

    def show(self, content: Content | str) -> None:
        plain = content if isinstance(content, str) else content.plain
        self.set_class(bool(plain), "-there")
        if plain:
            self.update(content)


class VerdictPane(VerticalScroll, can_focus=True):
    """One pane, a fixed set of sections: showing another snapshot replaces their text and nothing else."""

    DEFAULT_CSS = """
    VerdictPane { padding: 0 2; scrollbar-size-vertical: 1; }
    VerdictPane #banner { padding: 1 2; margin: 0 0 1 0; background: $panel; height: auto; }
    VerdictPane #banner.-good { background: $banner-good; }
    VerdictPane #banner.-bad { background: $banner-bad; }
    VerdictPane #banner.-doubt { background: $banner-doubt; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="banner")
        yield Section(id="why")
        for name, boxed in _PARTS:
            yield Section(id=f"{name}-title", classes="-title")
            yield Section(id=name, classes="-boxed" if boxed else "")

    def show(self, snapshot: DoctorSnapshot) -> None:
        head = words.headline(snapshot)
        banner = self.query_one("#banner", Static)
        banner.update(words.banner(head))
        for mood in ("good", "bad", "doubt", "calm"):
            banner.set_class(head.mood == mood, f"-{mood}")
        self._section("why").show(words.explanation(snapshot))
        texts = sections(snapshot)
        for name, _ in _PARTS:
            title, content = texts.get(name, ("", Content("")))
            self._section(f"{name}-title").show(title if content.plain else "")
            self._section(name).show(content)

    def _section(self, name: str) -> Section:
        return self.query_one(f"#{name}", Section)


# name, and whether it stands in a box (what is quoted or copied)
_PARTS = (
    ("evidence", False),
    ("says", True),
    ("fix", False),
    ("commands", True),
    ("patch", True),
    ("block", True),
    ("warnings", False),
    ("effective", False),
)


def sections(snapshot: DoctorSnapshot) -> dict[str, tuple[str, Content]]:
    """Title and content of each part that this snapshot has; nothing while the first look is still under way."""
    report = snapshot.report
    if report is None or snapshot.phase == "failed":
        return {}
    calm = words.no_codex(report)
    parts: dict[str, tuple[str, Content]] = {"effective": ("WHAT CODEX WILL USE", words.effective_values(report))}
    if report.warnings and not calm:
        parts["warnings"] = (f"WARNINGS ({len(report.warnings)})", words.warnings(report.warnings))
    verdict = report.verdict
    if verdict.evidence and not calm:
        parts["evidence"] = ("EVIDENCE", words.evidence(verdict.evidence))
    if verdict.codex_says and not calm:
        parts["says"] = ("CODEX SAYS", Content(words.clean(verdict.codex_says)))
    if verdict.fix is not None:
        parts["fix"] = ("FIX", Content.styled(words.clean(verdict.fix.summary), "bold"))
        parts["commands"] = ("y copies", words.commands(verdict.fix))
        if verdict.fix.patch:
            parts["patch"] = ("as a change of the file", words.patch(verdict.fix.patch))
    if offers_block(report):
        parts["block"] = ("config.toml of the guide, b copies", Content(config_block().rstrip()))
    return parts


def offers_block(report: Report) -> bool:
    """Whether the guide's whole config.toml is what this user needs next, and the fix does not already hold it."""
    verdict = report.verdict
    patch = verdict.fix.patch if verdict.fix else None
    return verdict.cause in OFFERS_BLOCK[:1] or (verdict.cause in OFFERS_BLOCK and not patch)
