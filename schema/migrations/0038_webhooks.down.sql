DELETE FROM ledger_privileges WHERE object_name IN ('webhooks', 'webhook_endpoints', 'webhook_deliveries');
DROP FUNCTION ledger_webhook_pause(integer);
DROP TABLE webhook_deliveries;
DROP TABLE webhook_endpoints;
DROP TABLE webhooks;
