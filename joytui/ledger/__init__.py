"""The store: requests, rollups, keys, budgets, wallets. One class an engine (`SqliteLedger`), and no SQL outside this package."""
