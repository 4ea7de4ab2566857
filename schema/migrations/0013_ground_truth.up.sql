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
    confidence_lower double precision,
    confidence_upper double precision,
    class_probabilities double precision[],
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
COMMENT ON COLUMN ground_truth.confidence_lower IS 'Lower end of the interval that had been predicted.';
COMMENT ON COLUMN ground_truth.confidence_upper IS 'Upper end of the interval that had been predicted.';
COMMENT ON COLUMN ground_truth.class_probabilities IS 'The probabilities that had been predicted, in the order of class_names of the version.';
COMMENT ON COLUMN ground_truth.recorded_at IS 'When the row was written.';
COMMENT ON COLUMN ground_truth.actual_label IS 'The true class.';
COMMENT ON COLUMN ground_truth.predicted_label IS 'The class that had been predicted.';
COMMENT ON COLUMN ground_truth.source IS 'Where the label came from.';
INSERT INTO partition_policies (table_name) VALUES ('ground_truth');

CREATE TABLE ground_truth_waiting (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT ground_truth_waiting_pkey PRIMARY KEY,
    prediction_id uuid,
    predicted_from timestamptz,
    request_id text
        CONSTRAINT ground_truth_waiting_request_id_check CHECK (ledger_visible(request_id) <> ''),
    model_name text,
    model_version text
        CONSTRAINT ground_truth_waiting_model_version_check CHECK (model_name IS NOT NULL OR model_version IS NULL),
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
    CONSTRAINT ground_truth_waiting_label_key UNIQUE NULLS NOT DISTINCT (request_id, prediction_id, labeled_at, model_name, model_version)
);
CREATE INDEX ground_truth_waiting_predicted_from_idx ON ground_truth_waiting (predicted_from, prediction_id);
CREATE INDEX ground_truth_waiting_recorded_at_idx ON ground_truth_waiting (recorded_at);
COMMENT ON TABLE ground_truth_waiting IS
    'Labels whose prediction is not there yet; they become rows of ground_truth when it arrives.';
COMMENT ON COLUMN ground_truth_waiting.id IS 'Number of the row.';
COMMENT ON COLUMN ground_truth_waiting.prediction_id IS 'The prediction that the label is about.';
COMMENT ON COLUMN ground_truth_waiting.predicted_from IS 'Time of that prediction as its id has it, to the millisecond.';
COMMENT ON COLUMN ground_truth_waiting.request_id IS 'Or the request: its predictions get the label.';
COMMENT ON COLUMN ground_truth_waiting.model_name IS 'The model whose predictions it is about, if the label names one.';
COMMENT ON COLUMN ground_truth_waiting.model_version IS 'Its version, if the label names one.';
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
       g.class_probabilities,
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
COMMENT ON COLUMN v_labeled_predictions.class_probabilities IS 'The predicted probability of each class.';
COMMENT ON COLUMN v_labeled_predictions.prediction IS 'The predicted number.';
COMMENT ON COLUMN v_labeled_predictions.actual_value IS 'The true number, or the true class as a number.';
COMMENT ON COLUMN v_labeled_predictions.labeled_at IS 'When the latest label was determined.';
COMMENT ON COLUMN v_labeled_predictions.first_labeled_at IS 'When the first label was found out.';
COMMENT ON COLUMN v_labeled_predictions.label_delay IS 'How long after the prediction the first label was found out.';
COMMENT ON COLUMN v_labeled_predictions.num_labels IS 'Number of labels; above 1 there were corrections.';
COMMENT ON COLUMN v_labeled_predictions.source IS 'Where the latest label came from.';
COMMENT ON COLUMN v_labeled_predictions.model_version_id IS 'Id of the version.';
COMMENT ON COLUMN v_labeled_predictions.prediction_id IS 'Id of the prediction.';

CREATE FUNCTION ledger_whole_text(number double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- Its 53 bits, times a power of two: a cast to numeric would keep 15 digits.
RETURN (SELECT CASE WHEN number < 0 THEN '-' ELSE '' END
               || trunc((b.bits & 4503599627370495 | 4503599627370496)::numeric * 2::numeric ^ ((b.bits >> 52) - 1075)::numeric)::text
        FROM (SELECT ('x' || encode(float8send(abs(number)), 'hex'))::bit(64)::bigint AS bits) b);
COMMENT ON FUNCTION ledger_whole_text(double precision) IS 'All digits of a whole number of more than 53 bits.';

CREATE FUNCTION ledger_class(label text, number double precision, zero_and_one text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- By types whose text no setting changes: 1, -1, 0.5, never 1.0, -0 or 1e-05. numeric keeps 15 digits, bigint all.
RETURN coalesce(label, CASE WHEN number IN (0, 1) THEN zero_and_one[number::integer + 1] END,
                CASE WHEN abs(number) < 9e18 AND number = floor(number) THEN number::bigint::text
                     WHEN abs(number) >= 9e18 AND abs(number) < 'infinity' THEN ledger_whole_text(number)
                     ELSE number::numeric::text END);
COMMENT ON FUNCTION ledger_class(text, double precision, text[]) IS
    'Which outcome a row is: the class that its label names, else its number; 0 and 1 stand for the two classes in zero_and_one, if that is given.';

CREATE FUNCTION ledger_zero_and_one(class_names text[], positive_label text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN cardinality(class_names) = 2 AND positive_label = ANY (class_names) AND NOT class_names && '{0,1}'
            THEN array_remove(class_names, positive_label) || positive_label END;
COMMENT ON FUNCTION ledger_zero_and_one(text[], text) IS
    'The classes that the numbers 0 and 1 stand for, of two that are not called so: the positive one is 1. For ledger_class().';

CREATE FUNCTION ledger_likeliest(class_probabilities double precision[]) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_position(class_probabilities, (SELECT max(p) FROM unnest(class_probabilities) p));
COMMENT ON FUNCTION ledger_likeliest(double precision[]) IS
    'The place of the highest probability; of equal ones the first, as argmax.';

CREATE FUNCTION ledger_predicted_class(
    label text, number double precision, probability double precision, class_probabilities double precision[],
    class_names text[], positive_label text, threshold double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN label IS NOT NULL THEN label
    WHEN ledger_class(NULL, number, ledger_zero_and_one(class_names, positive_label)) = ANY (class_names)
        THEN ledger_class(NULL, number, ledger_zero_and_one(class_names, positive_label))
    WHEN cardinality(class_probabilities) = cardinality(class_names) AND cardinality(class_names) > 2
        THEN class_names[ledger_likeliest(class_probabilities)]
    WHEN cardinality(class_names) <= 2 AND positive_label = ANY (class_names)
        THEN CASE WHEN coalesce(probability, class_probabilities[array_position(class_names, positive_label)]) >= threshold
                  THEN positive_label
                  WHEN coalesce(probability, class_probabilities[array_position(class_names, positive_label)]) < threshold
                  THEN (array_remove(class_names, positive_label))[1] END
END;
COMMENT ON FUNCTION ledger_predicted_class(text, double precision, double precision, double precision[], text[], text, double precision) IS
    'Which class a prediction is: its label; its number, if that is a class; the likeliest of more than two; of two the positive one from the threshold on.';

CREATE TABLE observed_outcomes (
    model_version_id uuid CONSTRAINT observed_outcomes_pkey PRIMARY KEY
        CONSTRAINT observed_outcomes_model_version_fkey REFERENCES model_versions (id),
    labels text[] NOT NULL DEFAULT '{}',
    numbers double precision[] NOT NULL DEFAULT '{}',
    is_continuous boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE observed_outcomes IS
    'What predictions with labels have shown of versions that declare no classes: it only grows, so that what a version is does not depend on the window that is looked at.';
COMMENT ON COLUMN observed_outcomes.model_version_id IS 'The version.';
COMMENT ON COLUMN observed_outcomes.labels IS 'Classes named by text, predicted or true; the first 1000.';
COMMENT ON COLUMN observed_outcomes.numbers IS 'Whole numbers, predicted or true; the first 101.';
COMMENT ON COLUMN observed_outcomes.is_continuous IS
    'Whether a true number has a fraction, or a predicted one that is not the probability.';

CREATE FUNCTION ledger_union(known anyarray, more anyarray, most integer) RETURNS anyarray
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT known || (ARRAY(SELECT DISTINCT x FROM unnest(more) x WHERE x <> ALL (known)))[1:most - cardinality(known)]
$$;
COMMENT ON FUNCTION ledger_union(anyarray, anyarray, integer) IS
    'An array with what is new in another, up to so many elements.';

CREATE FUNCTION ledger_whole(label text, number double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN label IS NULL AND number = floor(number) THEN number END;
COMMENT ON FUNCTION ledger_whole(text, double precision) IS
    'A number without a fraction, which names a class where no label does; else NULL.';

CREATE FUNCTION ledger_is_continuous(
    actual_value double precision, prediction double precision, probability double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(actual_value <> floor(actual_value), false)
       OR coalesce(prediction <> floor(prediction) AND prediction IS DISTINCT FROM probability, false);
COMMENT ON FUNCTION ledger_is_continuous(double precision, double precision, double precision) IS
    'Whether a labelled prediction is that of a regressor: a number has a fraction that is not the probability.';

CREATE FUNCTION ledger_observe(version uuid, labels text[], numbers double precision[], is_continuous boolean)
RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    new_labels text[] := array_remove(labels, NULL);
    new_numbers double precision[] := array_remove(numbers, NULL);
BEGIN
    -- Nearly always nothing is new, and nobody waits for a lock.
    IF EXISTS (SELECT FROM model_versions v
               WHERE v.id = version AND v.class_names IS NULL AND v.task IS DISTINCT FROM 'regression')
        AND NOT EXISTS (
            SELECT FROM observed_outcomes o
            WHERE o.model_version_id = version AND o.is_continuous >= ledger_observe.is_continuous
              AND (cardinality(o.labels) >= 1000 OR o.labels @> new_labels)
              AND (cardinality(o.numbers) >= 101 OR o.numbers @> new_numbers))
    THEN
        INSERT INTO observed_outcomes AS o
        VALUES (version, ledger_union('{}', new_labels, 1000), ledger_union('{}', new_numbers, 101),
                ledger_observe.is_continuous)
        ON CONFLICT (model_version_id) DO UPDATE
        SET labels = ledger_union(o.labels, excluded.labels, 1000),
            numbers = ledger_union(o.numbers, excluded.numbers, 101),
            is_continuous = o.is_continuous OR excluded.is_continuous;
        RETURN true;
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION ledger_observe(uuid, text[], double precision[], boolean) IS
    'Keeps what labelled predictions of a version have shown, and returns whether any of it was new.';

CREATE FUNCTION ledger_observed_classes(labels text[], numbers double precision[]) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path FROM CURRENT
RETURN ARRAY(
    SELECT c.name
    FROM (SELECT l AS name, NULL::double precision AS number FROM unnest(labels) l
          UNION ALL
          SELECT ledger_class(NULL, n, NULL), n FROM unnest(numbers) n
          -- Beside classes that are text, 1 and 0 are the positive and the other one.
          WHERE NOT (cardinality(labels) > 0 AND numbers <@ '{0,1}' AND NOT labels && '{0,1}')) c
    GROUP BY c.name
    ORDER BY min(c.number), c.name COLLATE "C");
COMMENT ON FUNCTION ledger_observed_classes(text[], double precision[]) IS
    'The classes that labels and numbers name: numbers in their order, then texts in theirs.';

CREATE FUNCTION ledger_is_ambiguous(labels text[], numbers double precision[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path FROM CURRENT
RETURN EXISTS (SELECT FROM unnest(labels) l WHERE l !~ '^-?[0-9]+$')
   AND EXISTS (SELECT FROM unnest(numbers) n WHERE ledger_class(NULL, n, NULL) <> ALL (labels));
COMMENT ON FUNCTION ledger_is_ambiguous(text[], double precision[]) IS
    'Whether some classes are texts and others numbers, so that a text and a number may mean the same class.';

CREATE VIEW v_version_tasks WITH (security_invoker = true) AS
SELECT v.id AS model_version_id,
       v.model_name,
       v.model_version,
       coalesce(v.task, d.task) AS task,
       coalesce(v.class_names, d.class_names) AS class_names,
       coalesce(v.positive_label, CASE WHEN d.task = 'binary' THEN ledger_positive_label(d.class_names) END) AS positive_label,
       v.task IS NOT NULL AS is_declared,
       v.class_names IS NULL AND EXISTS (SELECT FROM observed_outcomes o WHERE o.model_version_id = v.id
                                         AND ledger_is_ambiguous(o.labels, o.numbers)) AS is_ambiguous
FROM model_versions v
LEFT JOIN LATERAL (
    SELECT t.task, CASE WHEN t.task <> 'regression' THEN c.class_names END AS class_names
    FROM (
        SELECT ARRAY(SELECT DISTINCT l FROM model_versions w JOIN observed_outcomes o ON o.model_version_id = w.id
                     CROSS JOIN unnest(o.labels) l WHERE w.model_name = v.model_name) AS labels,
               ARRAY(SELECT DISTINCT n FROM model_versions w JOIN observed_outcomes o ON o.model_version_id = w.id
                     CROSS JOIN unnest(o.numbers) n WHERE w.model_name = v.model_name) AS numbers,
               EXISTS (SELECT FROM model_versions w JOIN observed_outcomes o ON o.model_version_id = w.id
                       WHERE w.model_name = v.model_name AND o.is_continuous) AS is_continuous
        -- Or what is used several times would be worked out as often.
        OFFSET 0) o
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n.names IN ('{0}', '{1}') THEN '{0,1}' WHEN n.names = '{-1}' THEN '{-1,1}' ELSE n.names END AS class_names
        FROM (SELECT ledger_observed_classes(o.labels, o.numbers) AS names OFFSET 0) n) c
    CROSS JOIN LATERAL (
        SELECT CASE WHEN v.task IS NOT NULL THEN v.task
                    WHEN cardinality(o.labels) = 0 AND (o.is_continuous OR cardinality(o.numbers) > 100) THEN 'regression'
                    WHEN cardinality(c.class_names) > 2 THEN 'multiclass'
                    WHEN cardinality(c.class_names) > 0 THEN 'binary' END AS task) t) d ON v.class_names IS NULL;
COMMENT ON VIEW v_version_tasks IS
    'What each version predicts: as declared at registration, else as the labelled predictions of its model have shown so far.';
COMMENT ON COLUMN v_version_tasks.model_version_id IS 'The version.';
COMMENT ON COLUMN v_version_tasks.model_name IS 'The model.';
COMMENT ON COLUMN v_version_tasks.model_version IS 'Its version.';
COMMENT ON COLUMN v_version_tasks.task IS 'binary, multiclass or regression; NULL while nothing is known.';
COMMENT ON COLUMN v_version_tasks.class_names IS 'Its classes; of a declared version in the order of class_probabilities.';
COMMENT ON COLUMN v_version_tasks.positive_label IS 'The class that probability is about; NULL where nothing tells.';
COMMENT ON COLUMN v_version_tasks.is_declared IS 'Whether the task was declared at registration.';
COMMENT ON COLUMN v_version_tasks.is_ambiguous IS 'Whether its labelled predictions name some classes by texts and others by numbers.';

CREATE FUNCTION declare_task(
    model_name text, model_version text, task text DEFAULT NULL, class_names text[] DEFAULT NULL,
    positive_label text DEFAULT NULL) RETURNS model_versions
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    version model_versions;
    declared model_versions;
    seen text[];
BEGIN
    SELECT * INTO version FROM model_versions v
    WHERE v.model_name = declare_task.model_name AND v.model_version = declare_task.model_version FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model_version: the ledger has no such version of the model' USING ERRCODE = 'MLNF0';
    END IF;
    declared := version;
    declared.task := declare_task.task;
    declared.class_names := declare_task.class_names;
    declared.positive_label := declare_task.positive_label;
    declared := ledger_complete_task(declared);
    IF declared.task IS NULL THEN
        RAISE EXCEPTION 'task: is needed, or class_names' USING ERRCODE = 'MLIV0';
    ELSIF version.task IS NOT NULL THEN
        IF (version.task, version.class_names, version.positive_label)
            IS DISTINCT FROM (declared.task, declared.class_names, declared.positive_label)
        THEN
            RAISE EXCEPTION 'task: the version has declared another already'
                USING ERRCODE = 'MLCF0', HINT = 'Register another version.';
        END IF;
        RETURN version;
    END IF;
    SELECT CASE WHEN declared.task = 'regression' THEN o.labels
                WHEN o.numbers <@ '{0,1}' AND ledger_zero_and_one(declared.class_names, declared.positive_label) IS NOT NULL
                THEN o.labels
                ELSE ledger_observed_classes(o.labels, o.numbers) END
    INTO seen FROM observed_outcomes o WHERE o.model_version_id = version.id;
    IF declared.task = 'regression' AND cardinality(seen) > 0 OR NOT seen <@ declared.class_names
        OR declared.task = 'binary' AND declared.class_names IS NULL AND cardinality(seen) > 2
    THEN
        RAISE EXCEPTION 'task: labelled predictions of the version have shown other classes (%)', array_to_string(seen[1:5], ', ')
            USING ERRCODE = 'MLCF0', HINT = 'Declare all classes that v_version_tasks shows.';
    END IF;
    UPDATE model_versions v
    SET task = declared.task, class_names = declared.class_names, positive_label = declared.positive_label
    WHERE v.id = version.id RETURNING * INTO declared;
    RETURN declared;
END
$$;
COMMENT ON FUNCTION declare_task(text, text, text, text[], text) IS
    'Declares what a version predicts that was registered without it, once; the audit log has it. Refused when labelled predictions have shown other classes.';
REVOKE ALL ON FUNCTION declare_task(text, text, text, text[], text) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('writer', 'EXECUTE', 'FUNCTION', 'declare_task'),
    ('reader', 'SELECT', 'TABLE', 'ground_truth'),
    ('reader', 'SELECT', 'TABLE', 'ground_truth_waiting'),
    ('writer', 'INSERT', 'TABLE', 'ground_truth'),
    -- A queue, not history: labels leave it for ground_truth.
    ('writer', 'INSERT', 'TABLE', 'ground_truth_waiting'),
    -- One server asks no right for the numbers of an identity; Citus, which writes nextval() out, does.
    ('writer', 'USAGE', 'SEQUENCE', 'ground_truth_waiting_id_seq'),
    ('writer', 'UPDATE', 'TABLE', 'ground_truth_waiting'),
    ('writer', 'DELETE', 'TABLE', 'ground_truth_waiting'),
    ('reader', 'SELECT', 'VIEW', 'v_labeled_predictions'),
    ('reader', 'SELECT', 'TABLE', 'observed_outcomes'),
    ('writer', 'INSERT', 'TABLE', 'observed_outcomes'),
    ('writer', 'UPDATE', 'TABLE', 'observed_outcomes'),
    ('reader', 'SELECT', 'VIEW', 'v_version_tasks');
