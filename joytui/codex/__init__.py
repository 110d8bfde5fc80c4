"""Codex's world as Codex sees it: arguments, configuration layers, provider rules, environment, versions."""
