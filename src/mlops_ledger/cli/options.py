"""Options and parameter types that several commands share."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import click
import orjson

from ..checks.values import ACTION_STATUSES, ACTIONS, RISK_LEVELS, STAGES
from ..database import Database
from ..errors import NotFound
from ..repositories import ModelVersionRepository


class Instant(click.ParamType[datetime]):
    """A time in ISO 8601; without an offset it is refused, as everywhere in the ledger."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if isinstance(value, datetime):
            return value
        if value == "now":
            return datetime.now(UTC)
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            self.fail("not a time: write 2026-01-31T12:00:00Z", param, ctx)
        if parsed.tzinfo is None:
            self.fail("has no time zone: write 2026-01-31T12:00:00Z", param, ctx)
        return parsed


class JsonObject(click.ParamType[dict[str, Any]]):
    """A JSON object on the command line."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        try:
            parsed = value if isinstance(value, dict) else orjson.loads(value)
        except ValueError:
            self.fail("is not valid JSON", param, ctx)
        if not isinstance(parsed, dict):
            self.fail('must be a JSON object such as {"roc_auc": 0.91}', param, ctx)
        return parsed


class Length(click.ParamType[timedelta]):
    """A length of time such as 15s or 90d, in some of the units s, m, h, d and w."""

    name = "length"
    _UNITS: Final = {
        "s": timedelta(seconds=1),
        "m": timedelta(minutes=1),
        "h": timedelta(hours=1),
        "d": timedelta(days=1),
        "w": timedelta(weeks=1),
    }

    def __init__(self, units: str) -> None:
        self._units = units

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(rf"(\d{{1,5}})([{self._units}])", value)
        if match is None or int(match[1]) == 0:
            examples = ", ".join(f"30{unit}" for unit in self._units)
            self.fail(f"must be a length of time: {examples}", param, ctx)
        return int(match[1]) * self._UNITS[match[2]]


class Tag(click.ParamType[tuple[str, str]]):
    """A tag as KEY=VALUE."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split the text."""
        if isinstance(value, tuple):
            return value
        key, separator, text = value.partition("=")
        if not key or not separator:
            self.fail("must be KEY=VALUE", param, ctx)
        return key, text


def version_id(db: Database, model_name: str | None, model_version: str | None) -> UUID | None:
    """Return the id of the version that --version names, if it does."""
    if model_version is None:
        return None
    if model_name is None:
        raise click.UsageError("--version needs --model")
    found = ModelVersionRepository(db).get(model_name=model_name, model_version=model_version)
    if found is None:
        raise NotFound(f"model {model_name} has no version {model_version}")
    return found.id


stage_type = click.Choice(STAGES, case_sensitive=False)
action_type = click.Choice(ACTIONS, case_sensitive=False)
risk_type = click.Choice(RISK_LEVELS, case_sensitive=False)
status_type = click.Choice(ACTION_STATUSES, case_sensitive=False)
period_type = click.Choice(("day", "week", "month"))
model_option = click.option("--model", "model_name", metavar="NAME", help="Only of this model.")
since_option = click.option("--since", type=Instant(), metavar="TIME", help="Only from then on.")
until_option = click.option(
    "--until", type=Instant(), metavar="TIME", help="Only before then (default: now)."
)
before_option = click.option(
    "--before", type=click.UUID, metavar="ID", help="The next page: what comes after this row."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
limit_option = click.option(
    "--limit", type=int, default=20, show_default=True, help="At most so many rows (1 to 1000)."
)
slot_option = click.option("--slot", default="production", show_default=True, help="The slot.")
by_option = click.option("--by", metavar="WHO", help="Who does it (default: the database user).")
reason_option = click.option("--reason", metavar="TEXT", help="Why.")
at_option = click.option(
    "--at", type=Instant(), metavar="TIME", help="When, in the past (default: now)."
)
