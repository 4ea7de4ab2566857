"""What Python computes of numbers; most of it is computed by the database."""

from .business_value import BusinessValue, business_value

__all__ = ["BusinessValue", "business_value"]
