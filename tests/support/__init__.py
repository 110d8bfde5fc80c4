"""What several test folders share: the fault gateway, the real Codex, a terminal."""
