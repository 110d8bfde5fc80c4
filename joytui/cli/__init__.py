"""The commands: one thin module each, no logic of their own."""
