"""The tree of budgets: which node has which limit, what is left of it, and how long it lasts."""
