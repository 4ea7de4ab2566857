-- What turned out to be true: labels, and those that wait for their prediction.

CREATE TABLE ground_truth (
    prediction_id uuid NOT NULL,
    predicted_at timestamptz NOT NULL,
    labeled_at timestamptz NOT NULL
        CONSTRAINT ground_truth_labeled_at_check CHECK (isfinite(labeled_at)),
    model_version_id uuid NOT NULL,
    actual_value double precision
        CONSTRAINT ground_truth_actual_value_check CHECK (actual_value > '-infinity' AND actual_value < 'infinity'),
    prediction double precision,
    probability double precision,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    actual_label text,
    predicted_label text,
    source text,
    CONSTRAINT ground_truth_actual_check CHECK (num_nonnulls(actual_label, actual_value) > 0),
    CONSTRAINT ground_truth_pkey PRIMARY KEY (prediction_id, predicted_at, labeled_at)
) PARTITION BY RANGE (predicted_at);
COMMENT ON TABLE ground_truth IS
    'Labels: what was true of a prediction, with what had been predicted, so that metrics need no join. The latest label of a prediction counts, older ones stay. Partitioned by the time of the prediction, named ground_truth_pYYYY_MM_DD.';
COMMENT ON COLUMN ground_truth.prediction_id IS 'The prediction that the label is about.';
COMMENT ON COLUMN ground_truth.predicted_at IS 'When the model predicted.';
COMMENT ON COLUMN ground_truth.labeled_at IS 'When the truth was found out; of several labels the one found out last counts.';
COMMENT ON COLUMN ground_truth.model_version_id IS 'The version that predicted.';
COMMENT ON COLUMN ground_truth.actual_value IS 'The true number, or the true class as a number.';
COMMENT ON COLUMN ground_truth.prediction IS 'The number that had been predicted.';
COMMENT ON COLUMN ground_truth.probability IS 'The probability that had been predicted, of the same class as in predictions.';
COMMENT ON COLUMN ground_truth.recorded_at IS 'When the row was written.';
COMMENT ON COLUMN ground_truth.actual_label IS 'The true class.';
COMMENT ON COLUMN ground_truth.predicted_label IS 'The class that had been predicted.';
COMMENT ON COLUMN ground_truth.source IS 'Where the label came from.';
INSERT INTO partition_policies (table_name) VALUES ('ground_truth');

CREATE TABLE ground_truth_waiting (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT ground_truth_waiting_pkey PRIMARY KEY,
    prediction_id uuid,
    predicted_from timestamptz,
    request_id text,
    labeled_at timestamptz NOT NULL
        CONSTRAINT ground_truth_waiting_labeled_at_check CHECK (isfinite(labeled_at)),
    actual_label text,
    actual_value double precision
        CONSTRAINT ground_truth_waiting_actual_value_check
        CHECK (actual_value > '-infinity' AND actual_value < 'infinity'),
    source text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ground_truth_waiting_actual_check CHECK (num_nonnulls(actual_label, actual_value) > 0),
    CONSTRAINT ground_truth_waiting_target_check
        CHECK (num_nonnulls(prediction_id, request_id) = 1 AND (prediction_id IS NULL) = (predicted_from IS NULL)),
    CONSTRAINT ground_truth_waiting_label_key UNIQUE NULLS NOT DISTINCT (request_id, prediction_id, labeled_at)
);
CREATE INDEX ground_truth_waiting_predicted_from_idx ON ground_truth_waiting (predicted_from, prediction_id);
CREATE INDEX ground_truth_waiting_recorded_at_idx ON ground_truth_waiting (recorded_at);
COMMENT ON TABLE ground_truth_waiting IS
    'Labels whose prediction is not there yet; they become rows of ground_truth when it arrives.';
COMMENT ON COLUMN ground_truth_waiting.id IS 'Number of the row.';
COMMENT ON COLUMN ground_truth_waiting.prediction_id IS 'The prediction that the label is about.';
COMMENT ON COLUMN ground_truth_waiting.predicted_from IS 'Time of that prediction as its id has it, to the millisecond.';
COMMENT ON COLUMN ground_truth_waiting.request_id IS 'Or the request: every prediction of it gets the label.';
COMMENT ON COLUMN ground_truth_waiting.labeled_at IS 'When the truth was found out.';
COMMENT ON COLUMN ground_truth_waiting.actual_label IS 'The true class.';
COMMENT ON COLUMN ground_truth_waiting.actual_value IS 'The true number, or the true class as a number.';
COMMENT ON COLUMN ground_truth_waiting.source IS 'Where the label came from.';
COMMENT ON COLUMN ground_truth_waiting.recorded_at IS 'When the row was written.';

CREATE VIEW v_labeled_predictions WITH (security_invoker = true) AS
SELECT g.predicted_at,
       v.model_name,
       v.model_version,
       g.predicted_label,
       g.actual_label,
       g.probability,
       g.prediction,
       g.actual_value,
       g.labeled_at,
       g.first_labeled_at,
       g.first_labeled_at - g.predicted_at AS label_delay,
       g.num_labels,
       g.source,
       g.model_version_id,
       g.prediction_id
FROM (
    SELECT *,
           lead(labeled_at) OVER w AS next_labeled_at,
           first_value(labeled_at) OVER w AS first_labeled_at,
           row_number() OVER w AS num_labels
    FROM ground_truth
    WINDOW w AS (PARTITION BY prediction_id, predicted_at, model_version_id ORDER BY labeled_at)) g
JOIN model_versions v ON v.id = g.model_version_id
WHERE g.next_labeled_at IS NULL;
COMMENT ON VIEW v_labeled_predictions IS
    'Predictions with their latest label: one row per labelled prediction. A filter on predicted_at reads only its partitions.';
COMMENT ON COLUMN v_labeled_predictions.predicted_at IS 'When the model predicted.';
COMMENT ON COLUMN v_labeled_predictions.model_name IS 'The model.';
COMMENT ON COLUMN v_labeled_predictions.model_version IS 'The version that predicted.';
COMMENT ON COLUMN v_labeled_predictions.predicted_label IS 'The predicted class.';
COMMENT ON COLUMN v_labeled_predictions.actual_label IS 'The true class.';
COMMENT ON COLUMN v_labeled_predictions.probability IS 'The predicted probability.';
COMMENT ON COLUMN v_labeled_predictions.prediction IS 'The predicted number.';
COMMENT ON COLUMN v_labeled_predictions.actual_value IS 'The true number, or the true class as a number.';
COMMENT ON COLUMN v_labeled_predictions.labeled_at IS 'When the latest label was determined.';
COMMENT ON COLUMN v_labeled_predictions.first_labeled_at IS 'When the first label was found out.';
COMMENT ON COLUMN v_labeled_predictions.label_delay IS 'How long after the prediction the first label was found out.';
COMMENT ON COLUMN v_labeled_predictions.num_labels IS 'Number of labels; above 1 there were corrections.';
COMMENT ON COLUMN v_labeled_predictions.source IS 'Where the latest label came from.';
COMMENT ON COLUMN v_labeled_predictions.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_labeled_predictions.prediction_id IS 'Id of the prediction.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'ground_truth'),
    ('reader', 'SELECT', 'TABLE', 'ground_truth_waiting'),
    ('writer', 'INSERT', 'TABLE', 'ground_truth'),
    -- A queue, not history: labels leave it for ground_truth.
    ('writer', 'INSERT', 'TABLE', 'ground_truth_waiting'),
    ('writer', 'UPDATE', 'TABLE', 'ground_truth_waiting'),
    ('writer', 'DELETE', 'TABLE', 'ground_truth_waiting'),
    ('reader', 'SELECT', 'VIEW', 'v_labeled_predictions');
