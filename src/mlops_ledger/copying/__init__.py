"""Rows and columns on their way into COPY."""
