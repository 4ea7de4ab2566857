"""The ledger behind an Airflow connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, InvalidValue, Settings

from .compat import BaseHook, Connection

DEFAULT_CONN_ID: Final = "mlops_ledger_default"


class MlopsLedgerHook(BaseHook):
    """Opens the database of a connection of type `mlops_ledger`.

    Host, port, login, password and database as usual; `extra` takes other parameters of libpq,
    such as {"sslmode": "verify-full"}. A connection without a host and without parameters is the
    database of the worker's environment, as for the command line.
    """

    conn_name_attr = "mlops_ledger_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "mlops_ledger"
    hook_name = "mlops-ledger"

    def __init__(self, mlops_ledger_conn_id: str = DEFAULT_CONN_ID) -> None:
        super().__init__()
        self.mlops_ledger_conn_id = mlops_ledger_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Tell the form of connections how the fields are called here."""
        return {
            "hidden_fields": [],
            "relabeling": {"schema": "Database", "login": "User"},
            "placeholders": {
                "port": "5432",
                "schema": "mlops",
                "extra": '{"sslmode": "verify-full"}',
            },
        }

    def get_conn(self) -> Database:
        """Return the database, for a `with` block; it connects at first use.

        Raises ConfigError or InvalidValue for a connection that libpq would not understand.
        """
        return Database(settings_of(self.get_connection(self.mlops_ledger_conn_id)))

    def test_connection(self) -> tuple[bool, str]:
        """Connect, and look whether the schema is the one of this release."""
        try:
            with self.get_conn() as db:
                return True, f"connected to {db.name}"
        # Airflow shows what is raised here with its traceback; a form needs one line.
        except Exception as error:
            return False, str(error)


def settings_of(connection: Connection) -> Settings:
    """Return the settings that a connection stands for."""
    parameters = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
        **connection.extra_dejson,
    }
    given = {name: value for name, value in parameters.items() if value not in (None, "")}
    settings = Settings.from_environment()
    if not given:
        return settings
    try:
        conninfo = make_conninfo(**{name: str(value) for name, value in given.items()})
    except Exception:
        # The driver quotes what it does not understand, and that may be the password.
        raise InvalidValue("extra", "must have parameters of libpq only") from None
    return replace(settings, conninfo=conninfo)
