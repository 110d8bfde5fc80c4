"""Codex's own telemetry: what it posts (otlp), what is read of it (pieces), and where it comes in (receiver)."""
