"""What everything else builds on: records, causes, money, filters, redaction. Imports nothing of joytui but itself."""
