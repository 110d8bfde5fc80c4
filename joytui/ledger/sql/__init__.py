"""What every SQL engine asks in the same words: pages, sums, keys, lessons, wallets, and what retention removes.

The SQL here is what SQLite and PostgreSQL both understand, with `?` for parameters (`connection`); what an engine does in a
way of its own (admitting and ending requests, schema, files or connections) is in its folder.
"""
