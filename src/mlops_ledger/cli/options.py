"""Options and parameter types that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click
import orjson
from click.core import ParameterSource
from click.decorators import FC

import mlops_ledger as ledger

from ..checks.values import ACTION_STATUSES, ACTIONS, PERIODS, RISK_LEVELS, STAGES
from ..checks.windows import look_back
from ..errors import NotFound
from . import complete
from .streams import file_name

# Up to 99999 of each unit.
_LENGTH: Final = re.compile(r"(?:\d{1,5}[smhdw])+", re.ASCII)
_LONGEST: Final = timedelta(days=36_525)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    # Before 8.4 click's takes no parameter.
    ParamType = click.ParamType


class FilePath(click.Path):
    """The path of a file or folder."""

    def __init__(self, **given: Any) -> None:
        super().__init__(path_type=Path, **given)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Find the file, also where the locale knows ASCII only."""
        return super().convert(file_name(str(value)), param, ctx)


class TextFile(click.File):
    """A file of UTF-8 to read, or - for standard input."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Open the file, also where the locale knows ASCII only."""
        return super().convert(file_name(value) if isinstance(value, str) else value, param, ctx)


class Timestamp(ParamType):
    """A time in ISO 8601; without an offset it is refused, as everywhere in the ledger.

    A day begins at midnight UTC. With `ago` it may also be a length such as 7d: so long ago.
    """

    name = "time"

    def __init__(self, *, ago: bool = True) -> None:
        self._ago = ago

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if isinstance(value, datetime):
            return value
        if value == "now":
            return datetime.now(UTC)
        if self._ago and re.fullmatch(_LENGTH, value):
            return datetime.now(UTC) - Length("smhdw").convert(value, param, ctx)
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            ago = ", or 7d for seven days ago" if self._ago else ""
            self.fail(f"not a time: write 2026-01-31T12:00:00Z{ago}", param, ctx)
        if _DAY.fullmatch(value):
            return parsed.replace(tzinfo=UTC)
        if parsed.tzinfo is None:
            self.fail("has no time zone: write 2026-01-31T12:00:00Z", param, ctx)
        return parsed


class JsonObject(ParamType):
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


class Length(ParamType):
    """A length of time such as 15s, 90d or 1h30m, in some of the units s, m, h, d and w."""

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
        parts = re.findall(r"(\d+)(\w)", value) if re.fullmatch(_LENGTH, value) else []
        length = timedelta(0)
        for count, unit in parts:
            if unit in self._units and length <= _LONGEST:
                length += int(count) * self._UNITS[unit]
        if not length or any(unit not in self._units for _, unit in parts):
            examples = ", ".join(f"30{unit}" for unit in self._units)
            self.fail(f"must be a length of time: {examples}", param, ctx)
        if length > _LONGEST:
            self.fail("is longer than a hundred years", param, ctx)
        return length


class Tag(ParamType):
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


class Number(ParamType):
    """A finite number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        try:
            number = float(value)
        except ValueError:
            number = nan
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


def version_id(
    db: ledger.Database, model_name: str | None, model_version: str | None
) -> UUID | None:
    """Return the id of the version that --version names, if it does."""
    if model_version is None:
        return None
    if model_name is None:
        raise click.UsageError("--version needs --model")
    found = ledger.ModelVersionRepository(db).get(
        model_name=model_name, model_version=model_version
    )
    if found is None:
        raise NotFound(f"model {model_name} has no version {model_version}")
    return found.id


def window(
    since: datetime | None, until: datetime | None, days: float | None, default: float
) -> tuple[datetime, datetime]:
    """Return both ends of the window that --since or --days, and --until say."""
    if since is not None and days is not None:
        raise click.UsageError("give either --since or --days")
    until = datetime.now(UTC) if until is None else until
    if since is None:
        since = look_back(until, default if days is None else days)
    if since >= until:
        raise click.UsageError("--since must lie before --until")
    return since, until


def full_hours(
    since: datetime | None, until: datetime | None, days: float | None
) -> tuple[datetime, datetime]:
    """Return both ends of a window of full hours, which by default starts at a midnight."""
    coming = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start, end = window(since, until or coming, days, 7)
    if since is None:
        start = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return start, end


def is_given(*options: str) -> bool:
    """Say whether any of the options is on the command line."""
    source = click.get_current_context().get_parameter_source
    return any(source(option) is ParameterSource.COMMANDLINE for option in options)


stage_type = click.Choice(STAGES, case_sensitive=False)
action_type = click.Choice(ACTIONS, case_sensitive=False)
risk_type = click.Choice(RISK_LEVELS, case_sensitive=False)
status_type = click.Choice(("all", *ACTION_STATUSES), case_sensitive=False)
period_type = click.Choice(PERIODS)
model_argument = click.argument("model_name", shell_complete=complete.models)
version_argument = click.argument("model_version", shell_complete=complete.versions)
optional_version_argument = click.argument(
    "model_version", required=False, shell_complete=complete.versions
)
model_option = click.option(
    "--model",
    "model_name",
    metavar="NAME",
    help="Only of this model.",
    shell_complete=complete.models,
)
about_option = click.option(
    "--model",
    "model_name",
    metavar="NAME",
    help="The model it is about.",
    shell_complete=complete.models,
)
version_option = click.option(
    "--version",
    "model_version",
    metavar="VERSION",
    help="Only of this version.",
    shell_complete=complete.versions,
)
since_option = click.option(
    "--since",
    type=Timestamp(),
    metavar="TIME",
    help="Only from this time on; 7d means seven days ago.",
)
until_option = click.option(
    "--until", type=Timestamp(), metavar="TIME", help="Only before this time (default: now)."
)
before_option = click.option(
    "--before", type=click.UUID, metavar="ID", help="The next page: what comes after this row."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
json_lines_option = click.option(
    "--json", "as_json", is_flag=True, help="Print lines of JSON, as it does anyway."
)
limit_option = click.option(
    "--limit", type=int, default=20, show_default=True, help="Maximum number of rows (1 to 1000)."
)
positive_option = click.option(
    "--positive", "positive_label", metavar="LABEL", help="The class that the probability is of."
)
slice_key_option = click.option(
    "--slice-key", metavar="NAME", help="The feature or input to keep performance by."
)
bucket_option = click.option(
    "--bucket", type=Length("hdw"), default="1d", show_default=True, help="Length, such as 6h."
)
lookback_option = click.option(
    "--lookback", type=Length("hdw"), default="24h", show_default=True, help="Length of the window."
)
slot_option = click.option(
    "--slot",
    default="production",
    show_default=True,
    help="The slot.",
    shell_complete=complete.slots,
)
by_option = click.option("--by", metavar="WHO", help="Who does it (default: the database user).")
reason_option = click.option("--reason", metavar="TEXT", help="Why.")
at_option = click.option(
    "--at", type=Timestamp(), metavar="TIME", help="When it happened (default: now)."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def history_options(command: FC) -> FC:
    """Give a command that lists a history its window, page and format."""
    for option in (json_option, limit_option, before_option, until_option, since_option):
        command = option(command)
    return command


def days_option(default: float) -> Callable[[FC], FC]:
    """Make the option that says how far to look back."""
    return click.option(
        "--days", type=Number(), metavar="N", help=f"Days to look back (default: {default})."
    )
