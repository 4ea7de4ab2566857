DELETE FROM ledger_privileges WHERE object_name IN ('ensure_partitions', 'ledger_make_partitions', 'partition_policies');
DROP FUNCTION ensure_partitions(text, timestamptz, timestamptz);
DROP FUNCTION ledger_make_partitions(text, timestamptz[]);
DROP FUNCTION ledger_attach_partitions(text, tstzrange[]);
DROP FUNCTION ledger_obstacle(text, text, text);
DROP FUNCTION ledger_distributed();
DROP FUNCTION ledger_missing_ranges(text, text, timestamptz[]);
DROP FUNCTION ledger_partitions(text);
DROP TABLE partition_policies;
