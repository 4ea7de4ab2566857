-- The models: one row each.

CREATE TABLE models (
    model_name text CONSTRAINT models_pkey PRIMARY KEY
        CONSTRAINT models_model_name_check CHECK (ledger_is_name(model_name)),
    description text,
    tags jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT models_tags_check CHECK (jsonb_typeof(tags) = 'object'),
    slice_key text
        CONSTRAINT models_slice_key_check CHECK (char_length(slice_key) BETWEEN 1 AND 255),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
        CONSTRAINT models_created_at_check CHECK (ledger_is_time(created_at)),
    created_by text NOT NULL DEFAULT session_user
        CONSTRAINT models_created_by_check CHECK (ledger_is_person(created_by)),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Of names that look alike only those of ASCII may stand side by side, such as model_1 and model_l: a point
    -- overlaps no other point, the range of everything overlaps all.
    CONSTRAINT models_no_look_alikes EXCLUDE USING gist (
        (ledger_point(ledger_skeleton(model_name))) WITH &&,
        (CASE WHEN model_name ~ '^[\u0001-\u007f]*$' THEN ledger_point(ledger_visible(model_name)) ELSE '(,)' END) WITH &&)
);
CREATE INDEX models_tags_idx ON models USING gin (tags jsonb_path_ops);
COMMENT ON TABLE models IS
    'The models: one row each, made with the first version if not before. Whoever registers a version locks the row of its model until the end of the transaction.';
COMMENT ON COLUMN models.model_name IS 'Name of the model, at most 255 characters.';
COMMENT ON COLUMN models.description IS 'What the model is for.';
COMMENT ON COLUMN models.tags IS 'Free tags, searched with @>.';
COMMENT ON COLUMN models.slice_key IS 'The feature or input by whose value performance is kept as well: one of few values, such as a country.';
COMMENT ON COLUMN models.created_at IS 'When the model was registered.';
COMMENT ON COLUMN models.created_by IS 'Who registered it.';
COMMENT ON COLUMN models.updated_at IS 'When it was last changed, or a version of it registered.';

CREATE FUNCTION models_before_write() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM ledger_refuse_future('created_at', NEW.created_at);
    ELSIF NEW.model_name <> OLD.model_name THEN
        RAISE EXCEPTION 'models: the name of a model cannot be changed'
            USING ERRCODE = 'MLAO0', HINT = 'Register another model.';
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION models_before_write() IS
    'Trigger of models: history names models, so they keep their names; the time of a change is that of the server.';

CREATE TRIGGER models_before_write
    BEFORE INSERT OR UPDATE ON models
    FOR EACH ROW EXECUTE FUNCTION models_before_write();
-- No row trigger sees a TRUNCATE, so that the audit log would not.
CREATE TRIGGER models_no_truncate
    BEFORE TRUNCATE ON models
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION ledger_require_known_model(model_name text, event_time timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM models m WHERE m.model_name = ledger_require_known_model.model_name) THEN
        RAISE EXCEPTION 'model_name: the ledger has no model of that name'
            USING ERRCODE = 'MLNF0', HINT = 'Register the model, or a version of it, first.';
    END IF;
    -- A row from the future would stay "the latest" until its time has come.
    PERFORM ledger_refuse_future('timestamp', event_time);
END
$$;
COMMENT ON FUNCTION ledger_require_known_model(text, timestamptz) IS 'Refuses a fact about an unknown model or from the future.';

-- One writer per model at a time, or a given number could be taken by the next automatic one; plpgsql then reads what
-- the others have committed. Only who may register a version can take this lock.
CREATE FUNCTION ledger_lock_model(model_name text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ledger_take_turn(ARRAY['1', model_name], format('SELECT FROM models WHERE model_name = %L FOR NO KEY UPDATE', model_name));
    UPDATE models m SET updated_at = clock_timestamp() WHERE m.model_name = ledger_lock_model.model_name;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION ledger_lock_model(text) IS
    'Locks a model until the end of the transaction, and says whether there is one of that name.';
REVOKE ALL ON FUNCTION ledger_lock_model(text) FROM PUBLIC;

INSERT INTO ledger_privileges (role, privilege, object_type, object_name, columns) VALUES
    ('reader', 'SELECT', 'TABLE', 'models', NULL),
    ('writer', 'INSERT', 'TABLE', 'models', NULL),
    ('writer', 'UPDATE', 'TABLE', 'models', '{description, slice_key, tags}');
