"""joytui: a terminal console for Codex CLI behind the JoyToken gateway."""

__version__ = "0.2.0"
