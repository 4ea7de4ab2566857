"""What Python computes of numbers; most of it is computed by the database."""
