-- Retraining decisions: whether a candidate may replace the production version, and on what evidence.

CREATE TABLE retraining_decisions (
    id uuid CONSTRAINT retraining_decisions_pkey PRIMARY KEY DEFAULT ledger_uuid(),
    timestamp timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT retraining_decisions_timestamp_check CHECK (ledger_is_time(timestamp)),
    model_name text NOT NULL,
    candidate_version_id uuid,
    production_version_id uuid,
    trigger_reason text NOT NULL
        CONSTRAINT retraining_decisions_trigger_reason_check CHECK (char_length(trigger_reason) BETWEEN 1 AND 255),
    action text NOT NULL
        CONSTRAINT retraining_decisions_action_check CHECK (action IN ('promote', 'reject', 'pending')),
    drift_context jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT retraining_decisions_drift_context_check CHECK (jsonb_typeof(drift_context) = 'object'),
    data_context jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT retraining_decisions_data_context_check CHECK (jsonb_typeof(data_context) = 'object'),
    decision_details jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT retraining_decisions_decision_details_check CHECK (jsonb_typeof(decision_details) = 'object'),
    gate_results jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT retraining_decisions_gate_results_check
        CHECK (jsonb_typeof(gate_results) = 'array'
               -- Strict, because lax paths look into arrays: {"passed": [true]} would pass.
               AND NOT jsonb_path_exists(gate_results,
                   'strict $[*] ? (!(@.gate.type() == "string" && @.passed.type() == "boolean")
                                   || (@.gate.type() == "string" && @.passed.type() == "boolean") is unknown)',
                   silent => true)
               AND NOT jsonb_path_exists(gate_results,
                   'strict $[*] ? (exists(@.higher_is_better) && @.higher_is_better.type() != "boolean")',
                   silent => true)),
    reasoning text,
    labeled_samples bigint
        CONSTRAINT retraining_decisions_labeled_samples_check CHECK (labeled_samples >= 0),
    coverage_pct double precision
        CONSTRAINT retraining_decisions_coverage_pct_check CHECK (coverage_pct BETWEEN 0 AND 100),
    monitoring_run_id uuid,
    decided_by text NOT NULL DEFAULT session_user
        CONSTRAINT retraining_decisions_decided_by_check CHECK (ledger_is_person(decided_by)),
    resolves_id uuid
        CONSTRAINT retraining_decisions_resolves_fkey REFERENCES retraining_decisions (id),
    created_at timestamptz NOT NULL DEFAULT now()
        CONSTRAINT retraining_decisions_created_at_check CHECK (ledger_is_time(created_at)),
    CONSTRAINT retraining_decisions_monitoring_run_fkey
        FOREIGN KEY (monitoring_run_id, model_name) REFERENCES monitoring_metrics (id, model_name),
    CONSTRAINT retraining_decisions_resolves_key UNIQUE (resolves_id),
    -- Lets an action prove that the decision it names is about its model.
    CONSTRAINT retraining_decisions_id_model_name_key UNIQUE (id, model_name),
    CONSTRAINT retraining_decisions_resolution_check CHECK (resolves_id IS NULL OR action <> 'pending'),
    CONSTRAINT retraining_decisions_promote_candidate_check
        CHECK (action <> 'promote' OR candidate_version_id IS NOT NULL),
    CONSTRAINT retraining_decisions_candidate_fkey
        FOREIGN KEY (candidate_version_id, model_name) REFERENCES model_versions (id, model_name),
    CONSTRAINT retraining_decisions_production_fkey
        FOREIGN KEY (production_version_id, model_name) REFERENCES model_versions (id, model_name)
);
CREATE INDEX retraining_decisions_model_name_timestamp_idx ON retraining_decisions (model_name, timestamp DESC, id DESC);
CREATE INDEX retraining_decisions_timestamp_idx ON retraining_decisions (timestamp DESC, id DESC);
CREATE INDEX retraining_decisions_action_idx ON retraining_decisions (action, timestamp DESC);
CREATE INDEX retraining_decisions_candidate_idx ON retraining_decisions (candidate_version_id);
CREATE INDEX retraining_decisions_production_idx ON retraining_decisions (production_version_id);
CREATE INDEX retraining_decisions_monitoring_run_idx ON retraining_decisions (monitoring_run_id);

COMMENT ON TABLE retraining_decisions IS
    'Gate decisions on candidates, append-only: a pending decision is resolved by a later row that names it.';
COMMENT ON COLUMN retraining_decisions.id IS 'Time-ordered id (UUIDv7); a decision retried with the same id is recorded once.';
COMMENT ON COLUMN retraining_decisions.timestamp IS 'When the decision was taken.';
COMMENT ON COLUMN retraining_decisions.model_name IS 'The model it is about.';
COMMENT ON COLUMN retraining_decisions.candidate_version_id IS 'The version that was judged.';
COMMENT ON COLUMN retraining_decisions.production_version_id IS 'The version in production at that time; filled in when not given.';
COMMENT ON COLUMN retraining_decisions.trigger_reason IS 'What caused the retraining: scheduled, drift, performance, manual or another word.';
COMMENT ON COLUMN retraining_decisions.action IS 'promote, reject or pending.';
COMMENT ON COLUMN retraining_decisions.drift_context IS 'The drift that led to it.';
COMMENT ON COLUMN retraining_decisions.data_context IS 'The data that candidate and production were trained and judged on.';
COMMENT ON COLUMN retraining_decisions.decision_details IS 'Anything else behind the decision.';
COMMENT ON COLUMN retraining_decisions.gate_results IS 'Every gate: [{"gate": text, "passed": boolean, "value": …, "threshold": …, "higher_is_better": boolean}].';
COMMENT ON COLUMN retraining_decisions.reasoning IS 'The reason in words.';
COMMENT ON COLUMN retraining_decisions.labeled_samples IS 'Number of labelled predictions the gates used.';
COMMENT ON COLUMN retraining_decisions.coverage_pct IS 'Share of predictions with ground truth, in percent.';
COMMENT ON COLUMN retraining_decisions.monitoring_run_id IS 'The monitoring run that triggered it.';
COMMENT ON COLUMN retraining_decisions.decided_by IS 'Who or what decided.';
COMMENT ON COLUMN retraining_decisions.resolves_id IS 'The pending decision that this one resolves.';
COMMENT ON COLUMN retraining_decisions.created_at IS 'When the row was written.';

CREATE FUNCTION retraining_decisions_before_insert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    pending retraining_decisions;
BEGIN
    NEW.action := lower(btrim(NEW.action) COLLATE "C");
    PERFORM ledger_require_known_model(NEW.model_name, NEW.timestamp);
    IF NEW.resolves_id IS NOT NULL THEN
        SELECT * INTO pending FROM retraining_decisions d WHERE d.id = NEW.resolves_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'resolves_id: there is no decision %', NEW.resolves_id USING ERRCODE = 'MLNF0';
        ELSIF pending.action <> 'pending' THEN
            RAISE EXCEPTION 'resolves_id: decision % is not pending but %', NEW.resolves_id, pending.action
                USING ERRCODE = 'MLCF0', HINT = 'Only a pending decision can be resolved.';
        ELSIF pending.model_name <> NEW.model_name
              OR pending.candidate_version_id IS DISTINCT FROM coalesce(NEW.candidate_version_id, pending.candidate_version_id) THEN
            RAISE EXCEPTION 'resolves_id: decision % is about another model or candidate', NEW.resolves_id
                USING ERRCODE = 'MLCF0';
        ELSIF NEW.timestamp < pending.timestamp THEN
            RAISE EXCEPTION 'timestamp: lies before that of the decision it resolves' USING ERRCODE = 'MLIV0';
        END IF;
        NEW.candidate_version_id := coalesce(NEW.candidate_version_id, pending.candidate_version_id);
        NEW.production_version_id := coalesce(NEW.production_version_id, pending.production_version_id);
    END IF;
    IF NEW.production_version_id IS NULL THEN
        SELECT p.model_version_id INTO NEW.production_version_id FROM production_at(NEW.model_name, NEW.timestamp) p;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION retraining_decisions_before_insert() IS
    'Fills in the version then in production and checks what a decision resolves.';

CREATE TRIGGER retraining_decisions_before_insert
    BEFORE INSERT ON retraining_decisions
    FOR EACH ROW EXECUTE FUNCTION retraining_decisions_before_insert();
CREATE TRIGGER retraining_decisions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON retraining_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'retraining_decisions'),
    ('writer', 'INSERT', 'TABLE', 'retraining_decisions');
