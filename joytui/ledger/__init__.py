"""The store of requests, sums, keys, budgets and wallets.

api        the interface that the gateway uses, with its errors
records    what goes in and comes out;   ids   how requests and keys are called
engines    opens a store;   sqlite/   the engine that keeps it in one file;   sql/   what any SQL engine asks
"""
