"""Situations of Codex users, recorded with the real Codex, and the doctor's verdict on each."""
