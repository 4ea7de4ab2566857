"""A ledger with roles, and users who are members of them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from fix_db import new_database
from fix_roles import KINDS, Users
from psycopg import sql

from mlops_ledger import Database
from mlops_ledger.admin.roles import Roles

_CONTENTS = """
INSERT INTO model_versions (model_name) VALUES ('m'), ('m'), ('m'), ('unused');
SELECT promote('m', '1');
SELECT promote('m', '3');
SELECT ensure_partitions(table_name, now(), now()) FROM partition_policies;
INSERT INTO predictions (id, predicted_at, model_version_id, probability, inputs, client_ip)
SELECT ledger_uuid_floor(now()), now(), id, 0.5,
       '{"name": "erin"}', '10.0.0.1' FROM model_versions LIMIT 1;
SELECT record_ground_truth('[{"request_id": "later", "actual_label": "no"}]');
INSERT INTO retraining_decisions (model_name, action, trigger_reason)
VALUES ('m', 'pending', 'drift');
INSERT INTO agent_actions (action_type, risk_level, requested_by)
VALUES ('promotion', 'high', 'agent');
SELECT approve_action(id, 'boss') FROM agent_actions;
INSERT INTO agent_actions (action_type, risk_level, requested_by)
VALUES ('promotion', 'high', 'agent');
SELECT raise_alert('drift', 'it drifted');
INSERT INTO monitors (model_name, name, source, metric_name, "window", operator, warning_threshold)
VALUES ('m', 'few', 'monitoring', 'num_predictions', '1 day', '<', 1);
"""


@pytest.fixture(scope="module")
def users(server_dsn: str, template: str) -> Iterator[Users]:
    """A ledger with something of everything, its roles, and a user in each."""
    prefix = f"t{uuid4().hex[:12]}_"
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        with new_database(server_dsn, template) as dsn:
            with psycopg.connect(dsn) as connection:
                connection.execute(_CONTENTS.encode())
            with Database(dsn) as db:
                Roles(db).create(prefix=prefix)
            for kind in KINDS:
                admin.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret' IN ROLE {}").format(
                        sql.Identifier(f"{prefix}{kind}_user"), sql.Identifier(prefix + kind)
                    )
                )
            users = Users(dsn, prefix)
            yield users
            users.close()
        for kind in KINDS:
            for role in (f"{prefix}{kind}_user", prefix + kind):
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
