"""The four screens and their dialogs. A screen composes widgets and turns messages into calls; it does no I/O."""
