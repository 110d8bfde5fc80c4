"""A person: keys, spending, refusals, the last turn."""
