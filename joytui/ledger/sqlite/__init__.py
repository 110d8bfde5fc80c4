"""The SQLite engine: everything that is SQL, and everything that knows `sqlite3`. `engine` is its face."""
