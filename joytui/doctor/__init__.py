"""The doctor: steps, probes, the walk over the troubleshooting table, findings, reports."""
