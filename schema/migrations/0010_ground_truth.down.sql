DELETE FROM ledger_privileges WHERE object_name IN ('ground_truth', 'ground_truth_waiting', 'v_labeled_predictions');
DROP VIEW v_labeled_predictions;
DROP TABLE ground_truth_waiting;
DROP TABLE ground_truth;
DELETE FROM partition_policies WHERE table_name = 'ground_truth';
