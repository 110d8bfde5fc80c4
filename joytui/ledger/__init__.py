"""The store: one class an engine, no SQL elsewhere."""
