-- What models predicted: one row per prediction, partitioned by time.

CREATE FUNCTION ledger_uuid_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT (lpad(to_hex(u.microseconds / 1000), 12, '0') || '7'
            || lpad(to_hex((u.microseconds % 1000 << 12) / 1000), 3, '0') || '8000000000000000')::uuid
    FROM (SELECT (extract(epoch FROM at) * 1000000)::bigint AS microseconds) u);
COMMENT ON FUNCTION ledger_uuid_floor(timestamptz) IS
    'The smallest UUIDv7 of a timestamp. Its first 48 bits are milliseconds; 12 more after the version are the rest, exact to the microsecond.';

CREATE FUNCTION ledger_uuid_time(id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT to_timestamp((('x' || left(u.hex, 12))::bit(48)::bigint * 1000
                         + least((('x' || substr(u.hex, 14, 3))::bit(12)::integer * 1000 + 4095) / 4096, 999)) / 1000000.0)
    FROM (SELECT replace(id::text, '-', '') AS hex) u);
COMMENT ON FUNCTION ledger_uuid_time(uuid) IS 'The timestamp of a UUIDv7, to the microsecond; predictions are found by it.';

CREATE TABLE prediction_batches (
    id uuid NOT NULL,
    model_version_id uuid NOT NULL
        CONSTRAINT prediction_batches_model_version_fkey REFERENCES model_versions (id),
    num_predictions integer NOT NULL
        CONSTRAINT prediction_batches_num_predictions_check CHECK (num_predictions > 0),
    first_predicted_at timestamptz NOT NULL,
    last_predicted_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT prediction_batches_pkey PRIMARY KEY (id, model_version_id)
);
CREATE INDEX prediction_batches_model_version_idx ON prediction_batches (model_version_id, last_predicted_at);
CREATE INDEX prediction_batches_last_predicted_at_idx ON prediction_batches (last_predicted_at);
COMMENT ON TABLE prediction_batches IS
    'Every write of predictions, by its idempotency key: a repeated write finds its key and stores nothing. The foreign key checks the version once per batch instead of once per row.';
COMMENT ON COLUMN prediction_batches.id IS 'Id of the write, made by the client.';
COMMENT ON COLUMN prediction_batches.model_version_id IS 'The version that predicted; a write has a row for each.';
COMMENT ON COLUMN prediction_batches.num_predictions IS 'Number of its predictions in the write.';
COMMENT ON COLUMN prediction_batches.first_predicted_at IS 'Time of the earliest of them.';
COMMENT ON COLUMN prediction_batches.last_predicted_at IS 'Time of the latest of them.';
COMMENT ON COLUMN prediction_batches.received_at IS 'When the write was committed, approximately.';

CREATE TABLE predictions (
    id uuid NOT NULL,
    predicted_at timestamptz NOT NULL,
    model_version_id uuid NOT NULL,
    -- Nearly all begin with a letter or digit of ASCII, which is quickly seen.
    request_id text
        CONSTRAINT predictions_request_id_check CHECK (ascii(request_id) BETWEEN 33 AND 126 OR ledger_visible(request_id) <> ''),
    batch_id text
        CONSTRAINT predictions_batch_id_check CHECK (ascii(batch_id) BETWEEN 33 AND 126 OR ledger_visible(batch_id) <> ''),
    feature_values double precision[],
    inputs jsonb,
    prediction double precision,
    predicted_label text,
    probability double precision
        CONSTRAINT predictions_probability_check CHECK (probability BETWEEN 0 AND 1),
    class_probabilities double precision[]
        CONSTRAINT predictions_class_probabilities_check
        CHECK (0 <= ALL (class_probabilities) AND 1 >= ALL (class_probabilities)
               AND array_position(class_probabilities, NULL) IS NULL),
    confidence_lower double precision,
    confidence_upper double precision,
    latency_ms double precision
        CONSTRAINT predictions_latency_ms_check CHECK (latency_ms >= 0 AND latency_ms < 'infinity'),
    status text NOT NULL DEFAULT 'success'
        CONSTRAINT predictions_status_check CHECK (status IN ('success', 'error')),
    error_message text,
    cache_hit boolean,
    user_agent text,
    client_ip inet,
    metadata jsonb,
    CONSTRAINT predictions_interval_check CHECK (confidence_lower <= confidence_upper),
    CONSTRAINT predictions_pkey PRIMARY KEY (predicted_at, id)
) PARTITION BY RANGE (predicted_at);
CREATE INDEX predictions_model_version_predicted_at_idx ON predictions (model_version_id, predicted_at);
-- Errors are few and looked for: no write pays for it but theirs.
CREATE INDEX predictions_error_idx ON predictions (model_version_id, predicted_at) WHERE status = 'error';
-- A request has few predictions and is only ever looked up whole: half the price of a b-tree.
CREATE INDEX predictions_request_id_idx ON predictions USING hash (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX predictions_batch_id_idx ON predictions (batch_id) WHERE batch_id IS NOT NULL;

COMMENT ON TABLE predictions IS
    'What models predicted: one row per prediction, in partitions by time named predictions_pYYYY_MM_DD. The id is made by the client, and its time is that of the prediction.';
COMMENT ON COLUMN predictions.id IS 'UUIDv7 made by the client; its time is predicted_at, to the microsecond.';
COMMENT ON COLUMN predictions.predicted_at IS 'When the model predicted.';
COMMENT ON COLUMN predictions.model_version_id IS 'The version that predicted. Not a foreign key, which would be the most expensive part of a row: writers check it once per batch, mlops-ledger verify finds orphans.';
COMMENT ON COLUMN predictions.request_id IS 'Id of the request that asked for it, given by the caller; not unique.';
COMMENT ON COLUMN predictions.batch_id IS 'Id of the batch request it belongs to, given by the caller.';
COMMENT ON COLUMN predictions.feature_values IS 'Values of the numeric features, in the order of feature_names of the version.';
COMMENT ON COLUMN predictions.inputs IS 'Inputs that are not registered numeric features: text, categories, others.';
COMMENT ON COLUMN predictions.prediction IS 'The predicted number: of a regressor, or the class of a classifier as a number.';
COMMENT ON COLUMN predictions.predicted_label IS 'The predicted class.';
COMMENT ON COLUMN predictions.probability IS 'Binary: probability of the positive class, whichever was predicted; multiclass: of the predicted class. 0 to 1.';
COMMENT ON COLUMN predictions.class_probabilities IS 'The probability of each class, in the order of class_names of the version.';
COMMENT ON COLUMN predictions.confidence_lower IS 'Lower end of the interval of the prediction.';
COMMENT ON COLUMN predictions.confidence_upper IS 'Upper end of the interval of the prediction.';
COMMENT ON COLUMN predictions.latency_ms IS 'How long the prediction took, in milliseconds.';
COMMENT ON COLUMN predictions.status IS 'success or error.';
COMMENT ON COLUMN predictions.error_message IS 'What went wrong.';
COMMENT ON COLUMN predictions.cache_hit IS 'Whether the answer came from a cache.';
COMMENT ON COLUMN predictions.user_agent IS 'User agent of the request.';
COMMENT ON COLUMN predictions.client_ip IS 'Address that the request came from.';
COMMENT ON COLUMN predictions.metadata IS 'Anything else.';
INSERT INTO partition_policies (table_name) VALUES ('predictions');

CREATE FUNCTION ledger_entropy(probability double precision, class_probabilities double precision[])
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN class_probabilities IS NOT NULL THEN (
        -- Of a distribution, whatever its numbers add up to.
        SELECT CASE WHEN sum(p) > 0 THEN (ln(sum(p)) - sum(CASE WHEN p > 1e-300 THEN p * ln(p) ELSE 0 END) / sum(p))
                                         / ln(2::double precision) END
        FROM unnest(class_probabilities) p)
    WHEN probability > 0 AND probability < 1
        THEN -(probability * ln(probability) + (1 - probability) * ln(1 - probability)) / ln(2::double precision)
    WHEN probability IS NOT NULL THEN 0
END;
COMMENT ON FUNCTION ledger_entropy(double precision, double precision[]) IS
    'The Shannon entropy of a prediction in bits: of the probabilities of all classes, else of a probability and its complement.';

CREATE FUNCTION ledger_last_predicted_at(version uuid, since timestamptz, until timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    -- A query of its own: Citus has none that looks into predictions once for each row of another table.
    -- The bounds of the version say that few are its own, or those of others would be looked through along the time.
    RETURN (SELECT p.predicted_at FROM predictions p
            WHERE p.model_version_id = version AND p.model_version_id >= version AND p.model_version_id <= version
              AND p.predicted_at >= since AND p.predicted_at < until
            ORDER BY p.predicted_at DESC LIMIT 1);
END
$$;
COMMENT ON FUNCTION ledger_last_predicted_at(uuid, timestamptz, timestamptz) IS
    'When a version predicted last within a range of time; NULL when it did not.';

CREATE FUNCTION ledger_insert_prediction(
    id uuid, predicted_at timestamptz, model_version_id uuid, request_id text, batch_id text, features double precision[],
    inputs jsonb, prediction double precision, predicted_label text, probability double precision,
    class_probabilities double precision[], confidence_lower double precision, confidence_upper double precision,
    latency_ms double precision, status text, error_message text, cache_hit boolean, user_agent text, client_ip inet, metadata jsonb
) RETURNS uuid
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Whoever withdraws the version waits for this, or is waited for.
    PERFORM FROM model_versions v WHERE v.id = ledger_insert_prediction.model_version_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Of values alone, as Citus sends it on as it is; of a query it makes a table on the worker first.
    INSERT INTO predictions (
        id, predicted_at, model_version_id, request_id, batch_id, feature_values, inputs, prediction, predicted_label,
        probability, class_probabilities, confidence_lower, confidence_upper, latency_ms, status, error_message, cache_hit,
        user_agent, client_ip, metadata)
    VALUES (
        id, predicted_at, model_version_id, request_id, batch_id, features, inputs, prediction, predicted_label,
        probability, class_probabilities, confidence_lower, confidence_upper, latency_ms, status, error_message, cache_hit,
        user_agent, client_ip, metadata)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    VALUES (model_version_id, 'predictions', predicted_at, predicted_at);
    RETURN id;
END
$$;
COMMENT ON FUNCTION ledger_insert_prediction IS
    'Stores a prediction, marks its hour and returns its id; NULL when its id is there already, or its version is not.';

CREATE VIEW v_predictions WITH (security_invoker = true) AS
SELECT p.id,
       p.predicted_at,
       m.model_name,
       m.model_version,
       p.status,
       p.prediction,
       p.predicted_label,
       p.probability,
       p.class_probabilities,
       p.confidence_lower,
       p.confidence_upper,
       p.latency_ms,
       (SELECT jsonb_object_agg(coalesce(f.name, f.position::text), f.value)
        FROM unnest(m.feature_names, p.feature_values) WITH ORDINALITY f (name, value, position)
        WHERE p.feature_values IS NOT NULL) AS features,
       p.inputs,
       p.request_id,
       p.batch_id,
       p.error_message,
       p.cache_hit,
       p.user_agent,
       p.client_ip,
       p.metadata,
       p.model_version_id
FROM predictions p
LEFT JOIN model_versions m ON m.id = p.model_version_id;
COMMENT ON VIEW v_predictions IS
    'Predictions with their model and their features by name. Filter by predicted_at: only the partitions it needs are read.';
COMMENT ON COLUMN v_predictions.id IS 'Id of the prediction.';
COMMENT ON COLUMN v_predictions.predicted_at IS 'When the model predicted.';
COMMENT ON COLUMN v_predictions.model_name IS 'The model.';
COMMENT ON COLUMN v_predictions.model_version IS 'The version that predicted.';
COMMENT ON COLUMN v_predictions.status IS 'success or error.';
COMMENT ON COLUMN v_predictions.prediction IS 'The predicted number.';
COMMENT ON COLUMN v_predictions.predicted_label IS 'The predicted class.';
COMMENT ON COLUMN v_predictions.probability IS 'Binary: probability of the positive class; multiclass: of the predicted class.';
COMMENT ON COLUMN v_predictions.class_probabilities IS 'The probability of each class, in the order of class_names of the version.';
COMMENT ON COLUMN v_predictions.confidence_lower IS 'Lower end of the interval of the prediction.';
COMMENT ON COLUMN v_predictions.confidence_upper IS 'Upper end of the interval of the prediction.';
COMMENT ON COLUMN v_predictions.latency_ms IS 'How long the prediction took, in milliseconds.';
COMMENT ON COLUMN v_predictions.features IS 'The numeric features by name, or by position where the version names none; NaN and infinities are text.';
COMMENT ON COLUMN v_predictions.inputs IS 'Inputs that are not registered numeric features.';
COMMENT ON COLUMN v_predictions.request_id IS 'Id of the request that asked for it.';
COMMENT ON COLUMN v_predictions.batch_id IS 'Id of the batch request it belongs to.';
COMMENT ON COLUMN v_predictions.error_message IS 'What went wrong.';
COMMENT ON COLUMN v_predictions.cache_hit IS 'Whether the answer came from a cache.';
COMMENT ON COLUMN v_predictions.user_agent IS 'User agent of the request.';
COMMENT ON COLUMN v_predictions.client_ip IS 'Address that the request came from.';
COMMENT ON COLUMN v_predictions.metadata IS 'Anything else.';
COMMENT ON COLUMN v_predictions.model_version_id IS 'Id of the version.';

CREATE VIEW v_prediction_log WITH (security_invoker = true) AS
SELECT p.id,
       p.predicted_at,
       m.model_name,
       m.model_version,
       p.status,
       p.prediction,
       p.predicted_label,
       p.probability,
       p.class_probabilities,
       p.confidence_lower,
       p.confidence_upper,
       p.latency_ms,
       p.request_id,
       p.batch_id,
       p.error_message,
       p.cache_hit,
       p.model_version_id
FROM predictions p
LEFT JOIN model_versions m ON m.id = p.model_version_id;
COMMENT ON VIEW v_prediction_log IS
    'v_predictions without what went into the model and who asked, for readers. Filter by predicted_at: only the partitions it needs are read.';
COMMENT ON COLUMN v_prediction_log.id IS 'Id of the prediction.';
COMMENT ON COLUMN v_prediction_log.predicted_at IS 'When the model predicted.';
COMMENT ON COLUMN v_prediction_log.model_name IS 'The model.';
COMMENT ON COLUMN v_prediction_log.model_version IS 'The version that predicted.';
COMMENT ON COLUMN v_prediction_log.status IS 'success or error.';
COMMENT ON COLUMN v_prediction_log.prediction IS 'The predicted number.';
COMMENT ON COLUMN v_prediction_log.predicted_label IS 'The predicted class.';
COMMENT ON COLUMN v_prediction_log.probability IS 'Binary: probability of the positive class; multiclass: of the predicted class.';
COMMENT ON COLUMN v_prediction_log.class_probabilities IS 'The probability of each class, in the order of class_names of the version.';
COMMENT ON COLUMN v_prediction_log.confidence_lower IS 'Lower end of the interval of the prediction.';
COMMENT ON COLUMN v_prediction_log.confidence_upper IS 'Upper end of the interval of the prediction.';
COMMENT ON COLUMN v_prediction_log.latency_ms IS 'How long the prediction took, in milliseconds.';
COMMENT ON COLUMN v_prediction_log.request_id IS 'Id of the request that asked for it.';
COMMENT ON COLUMN v_prediction_log.batch_id IS 'Id of the batch request it belongs to.';
COMMENT ON COLUMN v_prediction_log.error_message IS 'What went wrong.';
COMMENT ON COLUMN v_prediction_log.cache_hit IS 'Whether the answer came from a cache.';
COMMENT ON COLUMN v_prediction_log.model_version_id IS 'Id of the version.';

INSERT INTO ledger_privileges (role, privilege, object_type, object_name, columns) VALUES
    ('reader', 'SELECT', 'TABLE', 'prediction_batches', NULL),
    ('writer', 'INSERT', 'TABLE', 'prediction_batches', NULL),
    -- Not what went into the model as text, nor who asked: inputs, metadata, user_agent, client_ip.
    ('reader', 'SELECT', 'TABLE', 'predictions', '{id, predicted_at, model_version_id, request_id, batch_id, feature_values, prediction, predicted_label,
      probability, class_probabilities, confidence_lower, confidence_upper, latency_ms, status, error_message, cache_hit}'),
    ('writer', 'SELECT', 'TABLE', 'predictions', NULL),
    ('auditor', 'SELECT', 'TABLE', 'predictions', NULL),
    ('writer', 'INSERT', 'TABLE', 'predictions', NULL),
    ('writer', 'SELECT', 'VIEW', 'v_predictions', NULL),
    ('auditor', 'SELECT', 'VIEW', 'v_predictions', NULL),
    ('reader', 'SELECT', 'VIEW', 'v_prediction_log', NULL);
