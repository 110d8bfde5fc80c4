"""Which columns of a list are shown and which one sorts it, also as text for a saved view. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

COLUMNS = "columns"
SORT = "sort"


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """`columns` by their titles, in the list's own order; none: all that fit. `order`: the title of the column that the list
    is sorted by, and whether the last stands first; None: as it was given."""

    columns: tuple[str, ...] = ()
    order: tuple[str, bool] | None = None

    def saved(self) -> dict[str, str]:
        """For example {"columns": "name, spent", "sort": "-spent"}: the largest first. What was not chosen is left out."""
        texts = {COLUMNS: ", ".join(self.columns)} if self.columns else {}
        if self.order is not None:
            title, turned = self.order
            texts[SORT] = f"-{title}" if turned else title
        return texts

    @staticmethod
    def restored(values: Mapping[str, str], known: Collection[str]) -> tuple[ColumnChoice, str]:
        """The choice, and what of it does not hold ("" mostly): that is left out. `known`: the titles of the list."""
        wanted = [title.strip() for title in values.get(COLUMNS, "").split(",") if title.strip()]
        title = values.get(SORT, "")
        order = (title.removeprefix("-"), title.startswith("-")) if title else None
        wrong = [title for title in [*wanted, *([order[0]] if order else [])] if title not in known]
        columns = tuple(title for title in wanted if title in known)
        choice = ColumnChoice(columns, order if order and order[0] in known else None)
        return choice, f"no column is called {', '.join(wrong)}" if wrong else ""
