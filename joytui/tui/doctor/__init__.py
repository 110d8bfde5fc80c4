"""The Doctor screen's parts: what a run looks like at one moment, and pure functions that turn it into lines and text."""
