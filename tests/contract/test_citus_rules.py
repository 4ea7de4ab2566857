"""What Citus would refuse, or answer otherwise than one server, stays out of the ledger's SQL."""

from __future__ import annotations

import pytest

from tools.citus.findings import check, findings
from tools.citus.queries import migration_queries, statement_queries
from tools.citus.rules import RULES, Known

pytestmark = pytest.mark.once

FUNCTIONS = {
    "0001_f.up.sql": """
    CREATE FUNCTION reads() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
    BEGIN RETURN (SELECT count(*) FROM v_big); END $$;
    CREATE VIEW v_big AS SELECT * FROM predictions;
    CREATE FUNCTION steady(t timestamptz) RETURNS text LANGUAGE sql STABLE RETURN t::text;
    CREATE FUNCTION fixed(i integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN i;
    """
}
BREAK = [
    ("zone", "SELECT date_trunc('day', at) FROM models"),
    ("zone", "SELECT predicted_at::date FROM predictions"),
    ("zone", "SELECT p.predicted_at::text FROM v_big p"),
    ("zone", "SELECT extract(hour FROM labeled_at) FROM ground_truth"),
    ("zone", "SELECT date_part('dow', predicted_at) FROM predictions"),
    ("names", "CREATE TABLE t (a integer CHECK (a > 0))"),
    ("names", "CREATE TABLE t (a integer, PRIMARY KEY (a))"),
    ("names", "ALTER TABLE predictions ADD CHECK (latency_ms >= 0)"),
    ("names", "ALTER TABLE t ADD COLUMN a integer REFERENCES u (a)"),
    ("keys", "CREATE UNIQUE INDEX i ON predictions (request_id, predicted_at)"),
    ("keys", "ALTER TABLE ground_truth ADD CONSTRAINT k UNIQUE (source, predicted_at)"),
    ("keys", "ALTER TABLE predictions ADD CONSTRAINT k FOREIGN KEY (batch) REFERENCES b (id)"),
    ("keys", "CREATE TABLE t (a uuid CONSTRAINT k REFERENCES predictions (id))"),
    ("keys", "ALTER TABLE predictions ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY"),
    ("alterations", "ALTER TABLE predictions ADD COLUMN a integer CONSTRAINT c CHECK (a > 0)"),
    (
        "alterations",
        "ALTER TABLE predictions ADD COLUMN a integer, ADD CONSTRAINT c CHECK (a > 0)",
    ),
    ("alterations", "ALTER TABLE predictions DETACH PARTITION p CONCURRENTLY"),
    ("alterations", "ALTER TABLE ground_truth ALTER COLUMN prediction_id TYPE text"),
    (
        "triggers",
        "CREATE TRIGGER t BEFORE INSERT ON predictions FOR EACH ROW EXECUTE FUNCTION f()",
    ),
    ("row_addresses", "DELETE FROM predictions WHERE ctid IN (SELECT ctid FROM predictions)"),
    ("row_addresses", "SELECT p.ctid FROM predictions p"),
    ("changes", "UPDATE predictions SET metadata = steady(predicted_at)"),
    ("changes", "UPDATE models SET a = clock_timestamp() FROM predictions"),
    ("changes", "DELETE FROM ground_truth WHERE labeled_at < clock_timestamp()"),
    ("changes", "UPDATE predictions SET id = %(id)s::uuid"),
    ("changes", "INSERT INTO predictions SELECT * FROM s ON CONFLICT DO NOTHING"),
    (
        "changes",
        "INSERT INTO ground_truth (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = now()",
    ),
    ("merges", "MERGE INTO predictions p USING s ON s.id = p.id WHEN MATCHED THEN DELETE"),
    ("grouping_sets", "SELECT count(*) FROM predictions GROUP BY ROLLUP (status)"),
    ("grouping_sets", "SELECT count(*) FROM v_big GROUP BY GROUPING SETS ((status), ())"),
    ("row_locks", "SELECT id FROM predictions LIMIT 5 FOR UPDATE SKIP LOCKED"),
    (
        "row_locks",
        "WITH p AS (SELECT id FROM predictions) SELECT * FROM w JOIN p USING (id) FOR SHARE OF w",
    ),
    (
        "recursion",
        "WITH RECURSIVE r AS (SELECT id FROM predictions UNION SELECT id FROM r) SELECT * FROM r",
    ),
    ("lateral", "SELECT * FROM v, LATERAL (SELECT count(*) FROM predictions p WHERE p.v = v.id) x"),
    ("targets", "SELECT count(*), (SELECT count(*) FROM ground_truth) FROM predictions"),
    ("empty_lists", "SELECT count(*) FROM (SELECT FROM predictions LIMIT 10) p"),
    ("functions_per_row", "SELECT id, reads() FROM predictions"),
    ("functions_per_row", "SELECT id FROM v JOIN ground_truth g USING (v) WHERE g.n < reads()"),
    ("sizes", "SELECT pg_total_relation_size('predictions')"),
    ("copies", "COPY predictions FROM STDIN (ON_ERROR ignore)"),
]
KEEP = [
    "SELECT date_trunc('day', at, 'UTC'), extract(epoch FROM labeled_at) FROM ground_truth",
    "SELECT (predicted_at AT TIME ZONE 'UTC')::date FROM predictions",
    "CREATE TABLE t (a integer CONSTRAINT t_a_check CHECK (a > 0))",
    "CREATE UNIQUE INDEX i ON models (name)",
    "ALTER TABLE predictions ADD CONSTRAINT k UNIQUE (request_id, id, predicted_at)",
    "CREATE TRIGGER t BEFORE INSERT ON models FOR EACH ROW EXECUTE FUNCTION f()",
    "UPDATE predictions SET latency_ms = fixed(1), received_at = now()",
    "INSERT INTO predictions SELECT * FROM s ON CONFLICT DO NOTHING RETURNING id",
    "INSERT INTO predictions (id) VALUES (%(id)s::uuid) ON CONFLICT DO NOTHING",
    "WITH b AS MATERIALIZED (SELECT s, count(*) n FROM predictions GROUP BY s) "
    "SELECT sum(n) FROM b GROUP BY ROLLUP (s)",
    "SELECT * FROM model_slots FOR UPDATE",
    "SELECT (SELECT count(*) FROM predictions), (SELECT count(*) FROM ground_truth)",
    "SELECT v.id, reads() FROM v",
    "WITH predictions AS (SELECT 1 AS ctid) SELECT ctid FROM predictions",
]


@pytest.fixture(scope="module")
def known() -> Known:
    return Known.of(list(migration_queries(FUNCTIONS)))


def test_the_ledger_keeps_every_rule() -> None:
    assert list(map(str, findings())) == []


@pytest.mark.parametrize(("rule", "text"), BREAK)
def test_a_planted_line_is_found(known: Known, rule: str, text: str) -> None:
    assert rule in {found.rule for found in check(list(statement_queries("here", text)), known)}


def test_every_rule_has_a_planted_line() -> None:
    assert {rule for rule, _ in BREAK} == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize("text", KEEP)
def test_other_lines_are_left_alone(known: Known, text: str) -> None:
    assert list(check(list(statement_queries("here", text)), known)) == []


@pytest.mark.parametrize(
    "body",
    [
        "LANGUAGE sql AS $$ SELECT max(date_trunc('day', at)) FROM models $$",
        "LANGUAGE sql BEGIN ATOMIC SELECT max(date_trunc('day', at)) FROM models; END",
        "LANGUAGE sql RETURN (SELECT max(date_trunc('day', at)) FROM models)",
        "LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(date_trunc('day', at)) FROM m); END $$",
        "LANGUAGE plpgsql AS $$ DECLARE r models[]; x text := date_trunc('day', now()); "
        "BEGIN x := 1; IF x THEN PERFORM x; END IF; END $$",
        "LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN "
        "SELECT date_trunc('day', at) FROM m LOOP NULL; END LOOP; END $$",
    ],
)
def test_a_planted_line_is_found_in_a_function(body: str) -> None:
    head = "CREATE FUNCTION f(VARIADIC ns text[]) RETURNS timestamptz"
    text = f"CREATE TABLE models (at text); {head} {body};"
    found = check(list(migration_queries({"0001_f.up.sql": text})))
    assert [(one.rule, one.place) for one in found] == [("zone", "f")]
