"""What a screen gives to be exported, and its texts by form. Made in a thread: nothing here touches a widget."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from joytui.core.sheet import Sheet, csv_text, markdown_text

Form = Literal["csv", "json", "markdown", "svg"]
ENDINGS: dict[Form, str] = {"csv": ".csv", "json": ".json", "markdown": ".md", "svg": ".svg"}
FORMS: dict[Form, tuple[str, str]] = {
    "csv": ("CSV", "for a spreadsheet"),
    "json": ("JSON", "for a script"),
    "markdown": ("Markdown", "for a ticket or a wiki page"),
    "svg": ("SVG", "the chart as a picture"),
}
"""The name of each form, and what it is good for."""


@dataclass(frozen=True, slots=True)
class Exported:
    """`name` is the file's, without an ending; `what` says it in words ("240 requests"). `left_out`: what of it is not in the
    file, and how to get that. `sheet`, `data`, `svg` make the content; `page` is the Markdown where that is not a table."""

    name: str
    what: str
    sheet: Callable[[], Sheet]
    data: Callable[[], Any]
    left_out: str = ""
    page: Callable[[], str] | None = None
    svg: Callable[[], str] | None = None

    @property
    def forms(self) -> tuple[Form, ...]:
        """Those that there are; a page first where the Markdown is one."""
        found = [form for form in FORMS if form != "svg" or self.svg is not None]
        return tuple(sorted(found, key=lambda form: form != "markdown") if self.page else found)

    def text(self, form: Form) -> str:
        """The whole file. No secret and no control character is in it."""
        from joytui.core.redaction import Redactor, escaped_json

        if form == "csv":
            return csv_text(self.sheet())
        if form == "json":
            return escaped_json(json.dumps(Redactor().data(self.data()), ensure_ascii=False, indent=2)) + "\n"
        if form == "svg":
            assert self.svg is not None
            return self.svg()
        return Redactor().text(self.page()) if self.page else markdown_text(self.sheet(), self.what)
