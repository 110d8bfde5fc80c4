"""Triage and `doctor --says`, over the words of the real Codex."""
