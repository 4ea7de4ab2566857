DROP FUNCTION ledger_undistribute(text);
DROP FUNCTION ledger_guard_system_metrics();
DROP FUNCTION ledger_distribute(text);
DROP FUNCTION ledger_cluster();
DROP FUNCTION ledger_sizes(oid, boolean);
