"""Fixes: what to do about a cause, as data that can be shown, checked before it is done, and undone.

registry.py  cause -> Fix: the one way from a finding to what to do
changes.py   the causes that a change of Codex's files fixes (values.py, files.py, syntax.py: how); provider.py: joytui's setup
commands.py  the causes that want commands, or something run (run.py)
draft.py     changes in the making; check.py: what Codex would make of them
write.py     changes put in place, and restored; backup.py: the dated backups, replace.py: one file replaced in one step
journal.py   what is changed, noted before it is, so that it can be restored byte for byte whatever happens
"""
