"""The embedded gateway: JoyToken's contract on your own machine, a relay to a real upstream, and a bridge for Codex."""
