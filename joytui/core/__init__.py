"""What everything else stands on: records, causes, money, filters, redaction. Imports nothing of joytui but itself."""
