"""Asks a real Codex binary what it knows, and writes it down as a version's file (joytui/codex/versions)."""
