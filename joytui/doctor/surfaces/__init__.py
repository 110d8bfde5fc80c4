"""From where this user's Codex may be started, which environment it gets there, and whether it works.

    catalogue.py     the surfaces, one record each
    machine.py       this machine as the finders see it
    environments.py  how the environment of each surface is found out, or told
    editor_settings.py  what VS Code's settings set, and for whom
    processes.py     what runs now: Codex's app servers, editors' extension hosts
    shells.py        a shell's environment, read from its start files or (when asked) by starting it
    judge.py         one verdict a cell, by looking at Codex's world in that environment
    words.py         the table for a terminal

Shells are read, not run: their start files are the user's code. `--surfaces run` starts them.
"""

from joytui.doctor.surfaces.judge import surface_cells, with_surfaces

__all__ = ["surface_cells", "with_surfaces"]
