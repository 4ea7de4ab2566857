"""What moves between the ledger and files: predictions and labels, other records, everything."""
