"""What people have: a random key, a unique request id, an index a column, a foreign key, JSONB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
from psycopg.types.json import Jsonb

SCHEMA = """
    DROP TABLE IF EXISTS usual, usual_versions;
    CREATE TABLE usual_versions (id integer PRIMARY KEY);
    INSERT INTO usual_versions VALUES (1);
    CREATE TABLE usual (
        id uuid PRIMARY KEY, request_id text NOT NULL UNIQUE, predicted_at timestamptz NOT NULL,
        model_version_id integer NOT NULL REFERENCES usual_versions (id), features jsonb NOT NULL,
        prediction float8, predicted_label text, probability float8, latency_ms float8,
        actual_label text
    ) WITH (autovacuum_enabled = off);
    CREATE INDEX ON usual (predicted_at);
    CREATE INDEX ON usual (model_version_id);
"""
# The same rows as the ledger's.
FILL = """
    INSERT INTO usual (id, request_id, predicted_at, model_version_id, features, prediction,
                       predicted_label, probability, latency_ms)
    SELECT gen_random_uuid(), replace(gen_random_uuid()::text, '-', ''), predicted_at, 1,
           (SELECT jsonb_object_agg('feature_' || place, value)
            FROM unnest(feature_values) WITH ORDINALITY f (value, place)),
           prediction, predicted_label, probability, latency_ms
    FROM predictions;
    VACUUM FREEZE usual;
"""
COLUMNS = {
    "id": "uuid",
    "request_id": "text",
    "predicted_at": "timestamptz",
    "model_version_id": "int4",
    "features": "jsonb",
    "prediction": "float8",
    "predicted_label": "text",
    "probability": "float8",
    "latency_ms": "float8",
}


def copy(connection: psycopg.Connection[Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Store rows by the driver's COPY."""
    statement = f"COPY usual ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
    with connection.cursor().copy(statement) as copying:
        copying.set_types(list(COLUMNS.values()))
        for row in rows:
            features = Jsonb(row["features"], dumps=orjson.dumps)
            given = {**row, "id": uuid4(), "model_version_id": 1, "features": features}
            copying.write_row([given.get(name) for name in COLUMNS])


def add_and_commit(dsn: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store rows one by one, each in a session of the ORM."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    url = "postgresql+psycopg://"
    engine = create_engine(url, creator=lambda: psycopg.connect(dsn), pool_pre_ping=True)
    for row in rows:
        with Session(engine) as session:
            session.add(_model()(**{**row, "id": uuid4(), "model_version_id": 1}))
            session.commit()
    engine.dispose()


@cache
def _model() -> Any:
    """Map the table."""
    from sqlalchemy.dialects.postgresql import JSONB
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    class Base(DeclarativeBase):
        pass

    class Usual(Base):
        __tablename__ = "usual"
        __annotations__ = {
            "id": Mapped[UUID],
            "request_id": Mapped[str],
            "predicted_at": Mapped[datetime],
            "model_version_id": Mapped[int],
            "features": Mapped[Any],
            "prediction": Mapped[float],
            "predicted_label": Mapped[str],
            "probability": Mapped[float],
            "latency_ms": Mapped[float],
        }
        id = mapped_column(primary_key=True)
        features = mapped_column(JSONB)

    return Usual
