"""HTTP clients: the console API of a gateway, and the local gateway (find, prove, start, stop)."""
