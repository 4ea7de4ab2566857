-- Metrics of the machines that models run on.

CREATE TABLE system_metrics (
    id uuid NOT NULL DEFAULT ledger_uuid(),
    timestamp timestamptz NOT NULL DEFAULT clock_timestamp(),
    host text NOT NULL
        CONSTRAINT system_metrics_host_check CHECK (ledger_is_name(host)),
    metric_name text NOT NULL
        CONSTRAINT system_metrics_metric_name_check CHECK (ledger_is_name(metric_name)),
    metric_value double precision NOT NULL
        CONSTRAINT system_metrics_metric_value_check CHECK (abs(metric_value) <= 1e150),
    unit text,
    attributes jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT system_metrics_attributes_check CHECK (jsonb_typeof(attributes) = 'object'),
    CONSTRAINT system_metrics_pkey PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);
CREATE INDEX system_metrics_metric_name_host_timestamp_idx ON system_metrics (metric_name, host, timestamp);
CREATE INDEX system_metrics_host_timestamp_idx ON system_metrics (host, timestamp);

COMMENT ON TABLE system_metrics IS
    'Metrics of hosts and processes, in partitions by time named system_metrics_pYYYY_MM_DD. A series is the values of a metric of a host with the same attributes.';
COMMENT ON COLUMN system_metrics.id IS 'UUIDv7 made by the client; a value retried with the same id and time is stored once.';
COMMENT ON COLUMN system_metrics.timestamp IS 'When it was measured.';
COMMENT ON COLUMN system_metrics.host IS 'The host that it was measured on.';
COMMENT ON COLUMN system_metrics.metric_name IS 'Name of the metric, such as cpu_percent or process_resident_memory_bytes.';
COMMENT ON COLUMN system_metrics.metric_value IS 'The value: a number, at most 1e150 either way. A name that ends in _total is a counter that only grows.';
COMMENT ON COLUMN system_metrics.unit IS 'Unit of the value: percent, bytes, seconds or another word.';
COMMENT ON COLUMN system_metrics.attributes IS 'What tells values of one name apart, such as {"path": "/"} or {"gpu": 0}.';
INSERT INTO partition_policies (table_name) VALUES ('system_metrics');

CREATE TRIGGER system_metrics_append_only
    BEFORE UPDATE ON system_metrics
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();

INSERT INTO ledger_privileges (role, privilege, object_type, object_name) VALUES
    ('reader', 'SELECT', 'TABLE', 'system_metrics'),
    ('writer', 'INSERT', 'TABLE', 'system_metrics');
