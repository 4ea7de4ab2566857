"""Find SQL that Citus would refuse or, worse, answer otherwise than a single server."""
