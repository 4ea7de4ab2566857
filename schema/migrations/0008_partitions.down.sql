DROP FUNCTION ensure_partitions(text, timestamptz, timestamptz);
DROP FUNCTION ledger_partitions(text);
DROP TABLE partition_policies;
