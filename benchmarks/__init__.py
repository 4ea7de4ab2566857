"""Measures the ledger against raw psycopg, as ratios within one run."""
