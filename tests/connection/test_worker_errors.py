"""What a worker of Citus refuses is told apart as what a single server refuses.

The messages, SQLSTATEs and missing names are those of Citus 14.0 after COPY (XX000) and INSERT.
"""

from __future__ import annotations

import pytest
from psycopg import sql

from mlops_ledger import Database, Settings
from mlops_ledger.errors import (
    Conflict,
    ConnectionLost,
    DuplicateId,
    InvalidValue,
    LedgerError,
    MissingPartition,
    Unavailable,
)

PARTITION = 'no partition of relation "predictions_102011" found for row'
DUPLICATE = 'duplicate key value violates unique constraint "predictions_p2026_11_29_pkey{}"'
CHECK = (
    'new row for relation "predictions_p2026_11_29_102019" violates check constraint '
    '"predictions_probability_check{}"'
)
NULL = (
    'null value in column "model_version_id" of relation "predictions_p2026_11_29_102016" '
    "violates not-null constraint"
)


@pytest.fixture
def db(settings: Settings) -> Database:
    return Database(settings)


def fail(db: Database, state: str, message: str, constraint: str = "") -> LedgerError:
    """Have a server fail with it and return what it was translated into."""
    raising = sql.SQL(
        "DO $$ BEGIN RAISE EXCEPTION '%', {} USING ERRCODE = {}, CONSTRAINT = {}; END $$"
    ).format(sql.Literal(message), sql.Literal(state), sql.Literal(constraint))
    with pytest.raises(LedgerError) as caught, db.connection() as connection:
        connection.execute(raising)
    return caught.value


@pytest.mark.parametrize("number", ["", "_102019", "_10201923"])
@pytest.mark.parametrize("state", ["XX000", "23505"])
def test_an_id_that_is_there_already(db: Database, state: str, number: str) -> None:
    assert type(fail(db, state, DUPLICATE.format(number))) is DuplicateId


@pytest.mark.parametrize("number", ["", "_102019"])
@pytest.mark.parametrize("state", ["XX000", "23514"])
def test_a_check_names_its_field(db: Database, state: str, number: str) -> None:
    error = fail(db, state, CHECK.format(number))
    assert isinstance(error, InvalidValue)
    assert str(error) == "probability: must be between 0 and 1"


@pytest.mark.parametrize("state", ["XX000", "23502"])
def test_a_missing_value_names_its_column(db: Database, state: str) -> None:
    error = fail(db, state, NULL)
    assert isinstance(error, InvalidValue)
    assert error.field == "model_version_id"


@pytest.mark.parametrize("state", ["XX000", "23514"])
def test_a_missing_partition(db: Database, state: str) -> None:
    assert type(fail(db, state, PARTITION)) is MissingPartition


def test_a_single_node_tells_the_constraint_with_the_number_of_its_shard(db: Database) -> None:
    error = fail(db, "23505", "…", "predictions_p2026_11_29_pkey_102019")
    assert type(error) is DuplicateId


@pytest.mark.parametrize("state", ["XX000", "23514"])
def test_an_unknown_check_is_no_missing_partition(db: Database, state: str) -> None:
    message = 'new row for relation "predictions_102019" violates check constraint "of_a_user"'
    error = fail(db, state, message)
    assert type(error) is Conflict
    assert "of_a_user" in str(error)


def test_what_a_worker_says_of_something_else_stays_unexpected(db: Database) -> None:
    for message in (f"{PARTITION}, or so it seems", 'relation "x" does not exist'):
        assert type(fail(db, "XX000", message)) is LedgerError


def test_a_message_in_another_language_is_that_of_a_single_server(db: Database) -> None:
    # There the names are sent beside the message, and a missing partition has none.
    assert type(fail(db, "23514", "keine Partition von Relation")) is MissingPartition
    error = fail(db, "23505", "doppelter Schlüsselwert", "predictions_p2026_11_29_pkey")
    assert type(error) is DuplicateId


REFUSED = (
    "connection to the remote node {}db1:5432 failed with the following error: Connection refused\n"
    "\tIs the server running on that host and accepting TCP/IP connections?"
)
NAMED = [
    ("08006", REFUSED.format("ann@")),
    ("08006", REFUSED.format("ann@example.org@")),
    ("08006", "connection to the remote node ann@db1:5432 failed"),
    ("08006", "could not establish any connections to the node db1:5432 after 30000 ms"),
    ("08006", 'could not connect to db1:5432 to get size of relation "predictions"'),
    ("58030", "failed to COPY to shard 102011 on db1:5432"),
    ("XX000", "failure on connection marked as essential: db1:5432"),
    ("XX000", "failed to prepare transaction 'citus_0_1_2_0' on host db1:5432"),
    ("XX000", 'failed to read result "1_2" from node db1:5432'),
    ("XX000", "cannot connect to db1:5432 to fetch intermediate results"),
]
UNNAMED = [
    ("57P01", "terminating connection due to administrator command"),
    ("57P03", "the database system is starting up"),
    ("XX000", "terminating connection due to unexpected postmaster exit"),
    ("XX000", "the database system is not yet accepting connections"),
    ("XX000", "server closed the connection unexpectedly\n\tThis probably means the server"),
    ("XX000", "could not receive data from server: Connection reset by peer"),
    ("XX000", "could not send data to server: Broken pipe"),
    ("XX000", "SSL connection has been closed unexpectedly"),
    ("XX000", "no connection to the server"),
    ("XX000", "could not commit transaction for shard 102011 on any active node"),
]


@pytest.mark.parametrize(("state", "message"), [*NAMED, *UNNAMED])
def test_a_worker_that_is_away_is_waited_for_and_named(
    db: Database, state: str, message: str
) -> None:
    error = fail(db, state, message)
    # Not ConnectionLost: the connection of the client goes on.
    assert type(error) is Unavailable
    worker = "its worker db1:5432:" if (state, message) in NAMED else "one of its workers:"
    assert f"the server cannot reach {worker} " in str(error)


def test_a_connection_that_the_server_ends_is_lost(db: Database) -> None:
    with pytest.raises(ConnectionLost), db.connection() as connection:
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_what_a_pooler_says_of_its_own_connection_is_lost(db: Database) -> None:
    assert type(fail(db, "08P01", "server conn crashed?")) is ConnectionLost
