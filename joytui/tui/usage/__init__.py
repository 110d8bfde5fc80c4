"""The Usage screen's parts: what was asked of the gateway, its answer, and pure functions from it to totals, chart and table."""
