-- Summaries: the predictions of every version by hour and by day, in numbers that cost the same to read
-- whatever their volume. Writers mark what they changed; a fold recounts those hours.

CREATE TABLE summary_marks (
    mark bigint GENERATED ALWAYS AS IDENTITY,
    model_version_id uuid NOT NULL,
    table_name text NOT NULL
        CONSTRAINT summary_marks_table_name_check CHECK (table_name IN ('predictions', 'ground_truth')),
    first_predicted_at timestamptz NOT NULL,
    last_predicted_at timestamptz NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT summary_marks_pkey PRIMARY KEY (model_version_id, mark),
    CONSTRAINT summary_marks_window_check CHECK (first_predicted_at <= last_predicted_at)
);
COMMENT ON TABLE summary_marks IS
    'What was written since the summaries were folded. Every writer adds a mark in the transaction of its rows, so a fold that takes the mark sees the rows.';
COMMENT ON COLUMN summary_marks.mark IS 'Number of the mark.';
COMMENT ON COLUMN summary_marks.model_version_id IS 'The version whose rows changed.';
COMMENT ON COLUMN summary_marks.table_name IS 'predictions or ground_truth.';
COMMENT ON COLUMN summary_marks.first_predicted_at IS 'Time of the earliest prediction that it is about.';
COMMENT ON COLUMN summary_marks.last_predicted_at IS 'Time of the latest one, included.';
COMMENT ON COLUMN summary_marks.marked_at IS 'When it was made, about.';

CREATE TABLE summary_states (
    model_version_id uuid CONSTRAINT summary_states_pkey PRIMARY KEY,
    folded_at timestamptz
);
COMMENT ON TABLE summary_states IS
    'One row for each version with summaries; whoever changes these locks it, so that of many folders one works.';
COMMENT ON COLUMN summary_states.model_version_id IS 'The version.';
COMMENT ON COLUMN summary_states.folded_at IS 'When it was folded last.';

CREATE TABLE summaries (
    model_version_id uuid NOT NULL,
    grain text NOT NULL
        CONSTRAINT summaries_grain_check CHECK (grain IN ('hour', 'day')),
    starts_at timestamptz NOT NULL,
    part smallint NOT NULL DEFAULT 0,
    num_predictions bigint NOT NULL,
    num_errors bigint NOT NULL,
    num_cache_hits bigint NOT NULL,
    num_probabilities bigint NOT NULL,
    probability_sum double precision NOT NULL,
    probability_m2 double precision NOT NULL,
    entropy_sum double precision NOT NULL,
    num_latencies bigint NOT NULL,
    latency_sum double precision NOT NULL,
    latency_max double precision,
    labels text[] NOT NULL,
    label_counts bigint[] NOT NULL,
    num_other_labels bigint NOT NULL,
    CONSTRAINT summaries_pkey PRIMARY KEY (model_version_id, grain, starts_at, part)
);
COMMENT ON TABLE summaries IS
    'The predictions of a version in one hour or day of UTC. Days are made from hours.';
COMMENT ON COLUMN summaries.model_version_id IS 'The version.';
COMMENT ON COLUMN summaries.grain IS 'hour or day.';
COMMENT ON COLUMN summaries.starts_at IS 'Start of the hour or day.';
COMMENT ON COLUMN summaries.part IS '0 for rows that are there; others for rows that retention has deleted. Add them up.';
COMMENT ON COLUMN summaries.num_predictions IS 'Number of predictions.';
COMMENT ON COLUMN summaries.num_errors IS 'Of these with the status error.';
COMMENT ON COLUMN summaries.num_cache_hits IS 'Of these answered from a cache.';
COMMENT ON COLUMN summaries.num_probabilities IS 'Of these with a probability.';
COMMENT ON COLUMN summaries.probability_sum IS 'Sum of the probabilities.';
COMMENT ON COLUMN summaries.probability_m2 IS 'Sum of the squared differences between the probabilities and their mean.';
COMMENT ON COLUMN summaries.entropy_sum IS 'Sum of the entropies, in bits, of each probability and what it lacks to 1.';
COMMENT ON COLUMN summaries.num_latencies IS 'Number of predictions with a latency.';
COMMENT ON COLUMN summaries.latency_sum IS 'Sum of the latencies in milliseconds, those above 1e150 left out.';
COMMENT ON COLUMN summaries.latency_max IS 'The longest latency in milliseconds.';
COMMENT ON COLUMN summaries.labels IS 'The 50 most frequent predicted labels; they are known by their first 255 characters.';
COMMENT ON COLUMN summaries.label_counts IS 'How often each of these was predicted.';
COMMENT ON COLUMN summaries.num_other_labels IS 'How often others were.';

CREATE TABLE summary_histograms (
    model_version_id uuid NOT NULL,
    grain text NOT NULL
        CONSTRAINT summary_histograms_grain_check CHECK (grain IN ('hour', 'day')),
    starts_at timestamptz NOT NULL,
    series smallint NOT NULL,
    part smallint NOT NULL DEFAULT 0,
    baseline_id uuid,
    bins smallint[] NOT NULL,
    counts bigint[] NOT NULL,
    sums double precision[],
    CONSTRAINT summary_histograms_pkey PRIMARY KEY (model_version_id, grain, starts_at, series, part)
);
COMMENT ON TABLE summary_histograms IS
    'The values of a version in one hour or day, counted in bins: the probability, the latency, and what its baseline has.';
COMMENT ON COLUMN summary_histograms.model_version_id IS 'The version.';
COMMENT ON COLUMN summary_histograms.grain IS 'hour or day.';
COMMENT ON COLUMN summary_histograms.starts_at IS 'Start of the hour or day.';
COMMENT ON COLUMN summary_histograms.series IS
    '0 for probability, in the bins of ledger_probability_edges(); -1 for latency_ms, in those of ledger_latency_bin(); -2 for slices, numbered as in summary_outcomes; above 0 as in baseline_features.';
COMMENT ON COLUMN summary_histograms.part IS '0 for rows that are there; others for rows that retention has deleted. Add them up.';
COMMENT ON COLUMN summary_histograms.baseline_id IS 'The baseline whose bins they are.';
COMMENT ON COLUMN summary_histograms.bins IS 'The bins that hold something, -1 for missing values.';
COMMENT ON COLUMN summary_histograms.counts IS 'How many values each of these holds.';
COMMENT ON COLUMN summary_histograms.sums IS 'Of numbers: the sum of these values, those beyond 1e150 left out.';

CREATE TABLE summary_slices (
    model_version_id uuid NOT NULL,
    slice smallint NOT NULL
        CONSTRAINT summary_slices_slice_check CHECK (slice BETWEEN 1 AND 50),
    value text NOT NULL,
    CONSTRAINT summary_slices_pkey PRIMARY KEY (model_version_id, slice),
    CONSTRAINT summary_slices_value_key UNIQUE (model_version_id, value)
);
COMMENT ON TABLE summary_slices IS
    'The values of the slice_key of its model that a version has slices of their own for: the first 50 that were folded, of each fold the most frequent first.';
COMMENT ON COLUMN summary_slices.model_version_id IS 'The version.';
COMMENT ON COLUMN summary_slices.slice IS 'Number of the slice in its summaries.';
COMMENT ON COLUMN summary_slices.value IS 'The value, by its first 255 characters.';

CREATE TABLE summary_outcomes (
    model_version_id uuid NOT NULL,
    grain text NOT NULL
        CONSTRAINT summary_outcomes_grain_check CHECK (grain IN ('hour', 'day')),
    starts_at timestamptz NOT NULL,
    slice smallint NOT NULL DEFAULT 0,
    part smallint NOT NULL DEFAULT 0,
    task text,
    class_names text[],
    positive_label text,
    num_labeled bigint NOT NULL,
    num_strangers bigint NOT NULL,
    num_strays bigint NOT NULL,
    lowest_of_negative double precision,
    highest_of_positive double precision,
    num_classified bigint NOT NULL,
    num_hits bigint NOT NULL,
    actual text[] NOT NULL,
    predicted text[] NOT NULL,
    counts bigint[] NOT NULL,
    bins integer[] NOT NULL,
    positives bigint[] NOT NULL,
    negatives bigint[] NOT NULL,
    undecided_positives bigint[] NOT NULL,
    undecided_negatives bigint[] NOT NULL,
    square_sum double precision NOT NULL,
    square_square_sum double precision NOT NULL,
    log_sum double precision NOT NULL,
    log_square_sum double precision NOT NULL,
    tenths smallint[] NOT NULL,
    tenth_positives bigint[] NOT NULL,
    tenth_negatives bigint[] NOT NULL,
    tenth_sums double precision[] NOT NULL,
    num_numbers bigint NOT NULL,
    num_measured bigint NOT NULL,
    num_intervals bigint NOT NULL,
    num_covered bigint NOT NULL,
    absolute_error_sum double precision NOT NULL,
    percentage_error_sum double precision NOT NULL,
    squared_error_sum double precision NOT NULL,
    actual_distance_sum double precision NOT NULL,
    actual_m2 double precision NOT NULL,
    actual_min double precision,
    actual_max double precision,
    last_labeled_at timestamptz NOT NULL,
    CONSTRAINT summary_outcomes_pkey PRIMARY KEY (model_version_id, grain, slice, starts_at, part)
);
COMMENT ON TABLE summary_outcomes IS
    'The labelled predictions of a version in one hour or day of UTC, each with its latest label: what metrics of performance are computed from.';
COMMENT ON COLUMN summary_outcomes.model_version_id IS 'The version.';
COMMENT ON COLUMN summary_outcomes.grain IS 'hour or day.';
COMMENT ON COLUMN summary_outcomes.starts_at IS 'Start of the hour or day.';
COMMENT ON COLUMN summary_outcomes.slice IS '0 for all predictions; of a model with a slice_key also one row for each slice: from 1 on as in summary_slices, 51 for other values, -1 for none.';
COMMENT ON COLUMN summary_outcomes.part IS '0 for rows that are there; others for rows that retention has deleted. Add them up.';
COMMENT ON COLUMN summary_outcomes.task IS 'What the version predicted as v_version_tasks had it when this was counted; of a day mixed where that differs.';
COMMENT ON COLUMN summary_outcomes.class_names IS 'Its classes then; NULL of more than two where all predictions name theirs, so that others change nothing.';
COMMENT ON COLUMN summary_outcomes.positive_label IS 'Its positive class then.';
COMMENT ON COLUMN summary_outcomes.num_labeled IS 'Number of predictions with a label.';
COMMENT ON COLUMN summary_outcomes.num_strangers IS 'Of these with a label that is none of the classes.';
COMMENT ON COLUMN summary_outcomes.num_strays IS 'Of these with a number as prediction that is none of the classes, and no probability.';
COMMENT ON COLUMN summary_outcomes.lowest_of_negative IS 'The lowest probability of a prediction that names another class than the positive one.';
COMMENT ON COLUMN summary_outcomes.highest_of_positive IS 'The highest probability of a prediction that names the positive class.';
COMMENT ON COLUMN summary_outcomes.num_classified IS 'Number of labelled predictions that name a class.';
COMMENT ON COLUMN summary_outcomes.num_hits IS 'Of these where it is the true one.';
COMMENT ON COLUMN summary_outcomes.actual IS 'True classes of the pairs that are counted.';
COMMENT ON COLUMN summary_outcomes.predicted IS 'Predicted classes of these pairs; NULL for any but the 50 most frequent, as in actual.';
COMMENT ON COLUMN summary_outcomes.counts IS 'How many predictions each pair has.';
COMMENT ON COLUMN summary_outcomes.bins IS 'The bins of ledger_probability_edges() that hold a labelled prediction.';
COMMENT ON COLUMN summary_outcomes.positives IS 'How many labels in each of these are positive.';
COMMENT ON COLUMN summary_outcomes.negatives IS 'How many are not.';
COMMENT ON COLUMN summary_outcomes.undecided_positives IS 'Of the positives those whose prediction names no class, so that a threshold decides.';
COMMENT ON COLUMN summary_outcomes.undecided_negatives IS 'Of the negatives likewise.';
COMMENT ON COLUMN summary_outcomes.square_sum IS 'Sum of the squared distances of the probabilities from 1 or 0, as in the Brier score.';
COMMENT ON COLUMN summary_outcomes.square_square_sum IS 'Sum of the squares of these, for the standard error of the Brier score.';
COMMENT ON COLUMN summary_outcomes.log_sum IS 'Sum of the logarithms of the probabilities of what was true, as in the log loss.';
COMMENT ON COLUMN summary_outcomes.log_square_sum IS 'Sum of the squares of these logarithms.';
COMMENT ON COLUMN summary_outcomes.tenths IS 'The bins of ledger_tenth() that hold a labelled prediction.';
COMMENT ON COLUMN summary_outcomes.tenth_positives IS 'How many labels in each of these are positive.';
COMMENT ON COLUMN summary_outcomes.tenth_negatives IS 'How many are not.';
COMMENT ON COLUMN summary_outcomes.tenth_sums IS 'The sum of the probabilities in each.';
COMMENT ON COLUMN summary_outcomes.num_numbers IS 'Number of labelled predictions with a prediction and an actual_value.';
COMMENT ON COLUMN summary_outcomes.num_measured IS 'Of these with both at most 1e100.';
COMMENT ON COLUMN summary_outcomes.num_intervals IS 'Of those with a prediction and an actual_value the number that have an interval, with both ends.';
COMMENT ON COLUMN summary_outcomes.num_covered IS 'Of these where the actual value lies in it, ends included.';
COMMENT ON COLUMN summary_outcomes.absolute_error_sum IS 'Sum of their absolute errors.';
COMMENT ON COLUMN summary_outcomes.percentage_error_sum IS 'Sum of their absolute errors as shares of the actual values, as in MAPE.';
COMMENT ON COLUMN summary_outcomes.squared_error_sum IS 'Sum of their squared errors.';
COMMENT ON COLUMN summary_outcomes.actual_distance_sum IS 'Sum of the distances of their actual values from the lowest: what is far from zero keeps its digits.';
COMMENT ON COLUMN summary_outcomes.actual_m2 IS 'Sum of the squared differences between the actual values and their mean.';
COMMENT ON COLUMN summary_outcomes.actual_min IS 'The lowest of them.';
COMMENT ON COLUMN summary_outcomes.actual_max IS 'The highest of them.';
COMMENT ON COLUMN summary_outcomes.last_labeled_at IS 'When the last of these labels was found out: as of a later time the numbers are the same.';

CREATE FUNCTION mark_summaries(
    model_name text, model_version text, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    version uuid := (SELECT v.id FROM model_versions v
                     WHERE v.model_name = mark_summaries.model_name AND v.model_version = mark_summaries.model_version);
BEGIN
    IF version IS NULL THEN
        RAISE EXCEPTION 'model_version: the ledger has no such version of the model' USING ERRCODE = 'MLNF0';
    ELSIF since IS NULL OR until IS NULL OR until < since OR NOT isfinite(since) OR NOT isfinite(until) THEN
        RAISE EXCEPTION 'until: must not be before since, and both must be times' USING ERRCODE = 'MLIV0';
    END IF;
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT version, t.name, since, until FROM (VALUES ('predictions'), ('ground_truth')) t (name);
END
$$;
COMMENT ON FUNCTION mark_summaries(text, text, timestamptz, timestamptz) IS
    'Marks a window, both ends included, as changed. SQL that writes predictions or ground_truth itself calls it in the same transaction.';
REVOKE ALL ON FUNCTION mark_summaries(text, text, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION prediction_batches_mark_summaries() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    VALUES (NEW.model_version_id, 'predictions', NEW.first_predicted_at, NEW.last_predicted_at);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION prediction_batches_mark_summaries() IS 'Marks the window of a write of many predictions.';

CREATE TRIGGER prediction_batches_mark_summaries
    AFTER INSERT ON prediction_batches
    FOR EACH ROW EXECUTE FUNCTION prediction_batches_mark_summaries();

CREATE FUNCTION baselines_mark_summaries() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Bins of another baseline say nothing about this one: what is still there is counted again.
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT NEW.model_version_id, t.name, w.first, w.last
    FROM (SELECT min(s.starts_at) AS first, max(s.starts_at) AS last FROM summaries s
          WHERE s.model_version_id = NEW.model_version_id AND s.grain = 'hour' AND s.part = 0) w
    CROSS JOIN (VALUES ('predictions'), ('ground_truth')) t (name)
    WHERE w.first IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION baselines_mark_summaries() IS 'Marks all that is counted in the bins of an earlier baseline.';

CREATE TRIGGER baselines_mark_summaries
    AFTER INSERT ON baselines
    FOR EACH ROW EXECUTE FUNCTION baselines_mark_summaries();

CREATE FUNCTION ledger_still_counts(counted summary_outcomes, task text, class_names text[], positive_label text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((counted).task, (counted).positive_label) IS NOT DISTINCT FROM (task, positive_label)
       AND coalesce((counted).class_names = class_names, (counted).class_names IS NULL);
COMMENT ON FUNCTION ledger_still_counts(summary_outcomes, text, text[], text) IS
    'Whether outcomes were counted as those of what the version predicts now.';

CREATE FUNCTION ledger_mark_outcomes() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- What counts as positive may have changed: what was counted otherwise and is still there is counted again.
    -- Each version is looked at once, and not once for each of its hours.
    WITH t AS MATERIALIZED (
        SELECT * FROM v_version_tasks
        WHERE model_name = (SELECT v.model_name FROM model_versions v WHERE v.id = (to_jsonb(NEW) ->> TG_ARGV[0])::uuid)
    )
    INSERT INTO summary_marks (model_version_id, table_name, first_predicted_at, last_predicted_at)
    SELECT o.model_version_id, 'ground_truth', min(o.starts_at), max(o.starts_at)
    FROM t
    JOIN summary_outcomes o ON o.model_version_id = t.model_version_id
    WHERE o.grain = 'hour' AND o.slice = 0 AND o.part = 0
      AND NOT ledger_still_counts(o, t.task, t.class_names, t.positive_label)
    GROUP BY o.model_version_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ledger_mark_outcomes() IS
    'Marks the outcomes of a model that were counted when its versions predicted something else.';

CREATE TRIGGER observed_outcomes_mark_outcomes
    AFTER INSERT OR UPDATE ON observed_outcomes
    FOR EACH ROW EXECUTE FUNCTION ledger_mark_outcomes('model_version_id');
CREATE TRIGGER model_versions_mark_outcomes
    AFTER UPDATE OF task, class_names, positive_label ON model_versions
    FOR EACH ROW EXECUTE FUNCTION ledger_mark_outcomes('id');

CREATE FUNCTION models_recount_slices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    version uuid;
BEGIN
    FOR version IN SELECT v.id FROM model_versions v WHERE v.model_name = NEW.model_name ORDER BY v.id LOOP
        -- Who folds holds this row, and has read the key that was declared before.
        INSERT INTO summary_states (model_version_id) VALUES (version) ON CONFLICT DO NOTHING;
        PERFORM FROM summary_states s WHERE s.model_version_id = version FOR UPDATE;
        DELETE FROM summary_outcomes o WHERE o.model_version_id = version AND o.slice <> 0;
        DELETE FROM summary_histograms h WHERE h.model_version_id = version AND h.series = -2;
        DELETE FROM summary_slices s WHERE s.model_version_id = version;
        PERFORM rebuild_summaries(version);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION models_recount_slices() IS
    'Trigger of models: what was counted by another slice_key is deleted, and all that is still there marked.';
REVOKE ALL ON FUNCTION models_recount_slices() FROM PUBLIC;

CREATE TRIGGER models_recount_slices
    AFTER UPDATE OF slice_key ON models
    FOR EACH ROW WHEN (NEW.slice_key IS DISTINCT FROM OLD.slice_key) EXECUTE FUNCTION models_recount_slices();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'summary_slices'),
    ('reader', 'SELECT', 'TABLE', 'summary_marks'),
    ('reader', 'SELECT', 'TABLE', 'summary_states'),
    ('reader', 'SELECT', 'TABLE', 'summaries'),
    ('reader', 'SELECT', 'TABLE', 'summary_histograms'),
    ('reader', 'SELECT', 'TABLE', 'summary_outcomes'),
    ('writer', 'INSERT', 'TABLE', 'summary_marks'),
    ('writer', 'USAGE', 'SEQUENCE', 'summary_marks_mark_seq'),
    ('writer', 'EXECUTE', 'FUNCTION', 'mark_summaries');
