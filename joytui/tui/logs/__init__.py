"""The log view: a columnar store (no textual in it), the formatting of a row, and a view that draws lines."""
