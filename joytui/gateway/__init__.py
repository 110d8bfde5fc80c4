"""The embedded gateway: JoyToken's contract on your own machine."""
