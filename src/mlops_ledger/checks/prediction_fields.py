"""The fields of a prediction: what each holds, and who may see it.

Order and encoders of COPY, the checks of every writer, what the spool hides and the reference page
follow from this table. That it agrees with the schema and its grants is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final, TypeAlias

from ..errors import InvalidValue
from ..errors.checks import INVALID
from . import values
from .classes import CLASSES, present_class
from .missing import document

Check: TypeAlias = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A column of `predictions`."""

    name: str
    sql_type: str
    _: KW_ONLY
    # Limits of a number, and the only texts allowed.
    low: float = -values.LARGEST
    high: float = values.LARGEST
    words: tuple[str, ...] = ()
    default: str | None = None
    # A text that names something, so that it is not blank.
    named: bool = False
    # Not encoded alone: it depends on other fields or on the version.
    depends: bool = False
    # Not for readers: what went into the model as text, or who asked.
    private: bool = False

    @property
    def check(self) -> Check:
        """The check of a value, which is given the field's name with it."""
        if self.words:
            return self._word
        if self.named:
            return self._name
        if self.sql_type == "jsonb":
            return document
        if self.name in CLASSES:
            return present_class
        return self._number if self.sql_type == "double precision" else values.CHECKS[self.sql_type]

    def _number(self, field: str, value: object) -> float:
        if type(value) is float and self.low <= value <= self.high:
            return value + 0.0  # makes a negative zero positive
        result = values.number(field, value)
        if not self.low <= result <= self.high:
            raise InvalidValue(*INVALID[f"predictions_{self.name}_check"])
        return result

    def _name(self, field: str, value: object) -> str:
        result = values.text(field, value)
        if not any(c.isprintable() and c != " " for c in result):
            raise InvalidValue(*INVALID[f"predictions_{self.name}_check"])
        return result

    def _word(self, _field: str, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise InvalidValue(*INVALID[f"predictions_{self.name}_check"])
        return str(value)


# In the order of the column list of the COPY statements.
FIELDS: Final = (
    Field("id", "uuid", depends=True),
    Field("predicted_at", "timestamptz", depends=True),
    Field("model_version_id", "uuid", depends=True),
    Field("request_id", "text", named=True),
    Field("batch_id", "text", named=True),
    Field("feature_values", "double precision[]", depends=True),
    Field("inputs", "jsonb", private=True),
    Field("prediction", "double precision"),
    Field("predicted_label", "text"),
    Field("probability", "double precision", low=0.0, high=1.0),
    Field("class_probabilities", "double precision[]", depends=True),
    Field("confidence_lower", "double precision"),
    Field("confidence_upper", "double precision"),
    Field("latency_ms", "double precision", low=0.0),
    Field("status", "text", words=values.PREDICTION_STATUSES, default="success"),
    Field("error_message", "text"),
    Field("cache_hit", "boolean"),
    Field("user_agent", "text", private=True),
    Field("client_ip", "inet", private=True),
    Field("metadata", "jsonb", private=True),
)
COLUMNS: Final = tuple(field.name for field in FIELDS)
ALONE: Final[Mapping[str, Field]] = {field.name: field for field in FIELDS if not field.depends}
PRIVATE: Final = tuple(field.name for field in FIELDS if field.private)
