"""Usage merged from the gateway and from Codex's own files."""
