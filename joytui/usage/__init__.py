"""Usage of all sources: rows, budgets with their forecast, anomalies with their culprit, reconciliation.

Pure functions over frozen records; reading is done by `joytui.client` (the gateway) and `joytui.codex.rollouts`.
"""
