DROP VIEW v_labeled_predictions;
DROP TABLE ground_truth_waiting;
DROP TABLE ground_truth;
DELETE FROM partition_policies WHERE table_name = 'ground_truth';
