"""Names say who and which to a reader, or are refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from mlops_ledger import (
    Conflict,
    Database,
    GroundTruthRepository,
    InvalidValue,
    LedgerError,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
)

BLANK = ["", " ", "\t", "\u00a0", "\u3000", "\u200b", "\u2800", "\u3164\ufe0f", "\U000e0041"]
# Each passes for "churn model" to a reader.
LOOK_ALIKES = [
    "\u0441hurn model",
    "churn m\u043edel",
    "churn\u00a0model",
    "churn  model",
    "ch\u057drn model",
    "\uff43hurn model",
    "churn mod\u0435l",
    "churn \U0001d5c6odel",
]


@pytest.mark.parametrize("name", LOOK_ALIKES, ids=ascii)
def test_a_model_does_not_get_a_name_that_passes_for_anothers(dsn: str, name: str) -> None:
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name="churn model")
        with pytest.raises(Conflict, match="model_name: looks like that of another"):
            models.insert(model_name=name)
        with pytest.raises(Conflict, match="model_name: looks like that of another"):
            ModelsRepository(db).insert(model_name=name)
        # Nor the other way round, and nothing of the refused one is left.
        models.insert(model_name=f"{name} 2")
        with pytest.raises(Conflict, match="looks like"):
            models.insert(model_name="churn model 2")
        models.insert(model_name="churn model")


def test_letters_of_ascii_and_other_alphabets_make_names(dsn: str) -> None:
    names = ["model_1", "model_l", "modern", "modem", "модель", "модели", "模型", "β-model", "Δt"]
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        for name in names * 2:
            models.insert(model_name=name)
        assert {row.model_version for row in models.list_versions(model_name="модель")} == {
            "1",
            "2",
        }


def test_of_two_look_alikes_at_the_same_time_one_wins(dsn: str) -> None:
    with Database(dsn) as db:
        models = ModelVersionRepository(db)

        def register(name: str) -> bool:
            try:
                models.insert(model_name=name)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            for n in range(20):
                pair = [f"churn{n}", f"\u0441hurn{n}"]
                assert sorted(threads.map(register, pair)) == [False, True]


@pytest.mark.parametrize("blank", BLANK, ids=ascii)
def test_what_cannot_be_seen_identifies_no_request(dsn: str, blank: str) -> None:
    version = {"model_name": "m", "model_version": "1"}
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        predictions, truth = PredictionsRepository(db), GroundTruthRepository(db)
        for field in ("request_id", "batch_id"):
            for write in (
                lambda value, field=field: predictions.insert(**version, **{field: value}),
                lambda value, field=field: predictions.insert_many(
                    **version, rows=[{field: value}]
                ),
                lambda value, field=field: predictions.insert_columns(
                    **version, columns={field: [value]}
                ),
            ):
                with pytest.raises(InvalidValue, match=f"{field}: must not be empty or blank"):
                    write(blank)
                write(f"{blank}x")
        with pytest.raises(InvalidValue, match="request_id: must not be empty or blank"):
            truth.insert(request_id=blank, actual_value=1)
        with pytest.raises(InvalidValue, match="request_id: must not be empty or blank"):
            truth.insert_many(rows=[{"request_id": blank, "actual_value": 1}])


@pytest.mark.parametrize("blank", [*BLANK[1:], "a\nb", "x" * 256], ids=ascii)
def test_the_actor_of_a_session_is_somebody(conn: psycopg.Connection, blank: str) -> None:
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    conn.execute("SELECT set_config('mlops_ledger.actor', %s, false)", [blank])
    with pytest.raises(psycopg.Error, match=r"mlops_ledger\.actor: must have 1 to 255"):
        conn.execute("UPDATE model_versions SET algorithm = 'x'")
    # That is how a setting is taken back.
    conn.execute("SELECT set_config('mlops_ledger.actor', '', false)")
    conn.execute("UPDATE model_versions SET algorithm = 'x'")
    found = conn.execute("SELECT actor, db_role FROM audit_log ORDER BY seq DESC LIMIT 1")
    actor, role = found.fetchone() or ("", None)
    assert actor == role


def test_who_someone_was_shown_to_be_stays_alike_in_sql(conn: psycopg.Connection) -> None:
    refused = [
        "INSERT INTO model_versions (model_name, created_by) VALUES ('m', %s)",
        "INSERT INTO promotion_policies (model_name, updated_by) VALUES ('m', %s)",
        "SELECT promote('m', '1', promoted_by => %s)",
        "SELECT rollback('m', rolled_back_by => %s)",
        "SELECT retire('m', retired_by => %s)",
    ]
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    for statement in refused:
        for blank in ("", "\u200b", "a\u0007"):
            with pytest.raises(psycopg.Error, match="_by"):
                conn.execute(statement, [blank])  # type: ignore[call-overload]


def test_a_refusal_is_the_ledgers_own(dsn: str) -> None:
    with Database(dsn) as db, pytest.raises(LedgerError, match=r"^created_by: must have 1 to 255"):
        ModelVersionRepository(db).insert(model_name="m", created_by="\ufeff")
