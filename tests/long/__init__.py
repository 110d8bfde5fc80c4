"""Long runs: `python -m tests.long`. They are no tests, and each is bounded."""
