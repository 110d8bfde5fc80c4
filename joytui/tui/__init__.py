"""The console: four screens over the doctor and the gateway. The only package that imports textual.

    launch      opens the console on a terminal, and leaves the terminal as it was
    app         the frame: modes, themes, command palette, connection state
    link        the gateway as the console sees it: finds or starts it, follows it, posts frozen snapshots
    screens/    one folder or file a screen; a screen composes widgets and turns messages into calls
    widgets/    what several screens show
    charts/     plotext, and small bars of eighth blocks

Nothing heavy is imported here: `joytui --version` must not pay for textual.
"""
