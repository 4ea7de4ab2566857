"""Integrations: each needs an extra, and nothing else of the package imports them."""
