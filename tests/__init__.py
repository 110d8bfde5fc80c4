"""The tests: user first (real command, real terminal, real Codex), then properties and units."""
