"""Mending: a cause's fix as data that can be applied, checked before it is written, and undone.

plans.py    cause -> Mend: which files change, and how
syntax.py   repairs of a file that does not parse
check.py    what Codex would make of the change, before anything is written
write.py    one file replaced in one step, with a dated backup beside it
journal.py  what was changed, so that it can be put back byte for byte
"""
