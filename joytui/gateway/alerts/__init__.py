"""Alerts: what raises them (`noticing`, `look`), their words, and how they reach a webhook (`sending`, `outbox`)."""
