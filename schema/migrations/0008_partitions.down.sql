DELETE FROM ledger_privileges WHERE object_name IN ('ensure_partitions', 'partition_policies');
DROP FUNCTION ensure_partitions(text, timestamptz, timestamptz);
DROP FUNCTION ledger_partitions(text);
DROP TABLE partition_policies;
