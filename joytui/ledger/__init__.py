"""The store of requests, sums, keys, budgets and wallets.

api        the interface that the gateway uses, with its errors
records    what goes in and comes out;   ids   how requests and keys are called
engines    opens a store;   sqlite/   keeps it in one file;   postgres/   on a server, for several gateways;   sql/   what both ask
waiting    who waits for a write
"""
