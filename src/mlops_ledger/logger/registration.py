"""What the ledger knows of the version that is logged, asked once and then remembered."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from .._sync.model_versions import ModelVersionRepository
from ..checks import predictions as fields
from ..database import Database
from ..errors import LedgerError, NotFound
from .retry import is_outage

# Seconds after which an unknown version is asked for again: it may be registered any time.
_AGAIN: Final = 1.0


class Registration:
    """Whether a version is registered, and which features it takes.

    Nothing is refused before the database could be asked.
    """

    def __init__(self, model_name: str, model_version: str) -> None:
        self.version: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
        self.names: list[str] | None = None
        self._name_set: frozenset[str] = frozenset()
        self._known = False
        self._missing = False
        self._ask_at = 0.0
        self._asked = threading.Event()

    def fresh(self) -> Registration:
        """Return one that was not asked yet, for a forked child: events do not survive a fork."""
        return Registration(**self.version)

    def ask(self, db: Database) -> None:
        """Ask the database, unless it has answered. Raises what shows that it is away."""
        if self._known or time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + _AGAIN
        try:
            found = ModelVersionRepository(db).get(**self.version)
        except LedgerError as error:
            if is_outage(error):
                raise
            # Whoever may not read versions is told of the mistake by its dead letters.
            return
        finally:
            self._asked.set()
        if found is not None:
            self.names = found.feature_names
            self._name_set = frozenset(self.names or ())
            self._known = True
        self._missing = found is None

    def wait(self, seconds: float) -> None:
        """Wait until the database was asked, whatever came of it. Raises NotFound."""
        self._asked.wait(seconds)
        self.require()

    def require(self) -> None:
        """Raise NotFound when the database does not know the version."""
        if self._missing:
            raise NotFound(
                "model {model_name} has no version {model_version}: register it with "
                "ModelVersionRepository.insert".format(**self.version)
            )

    def require_fit(self, given: Mapping[str, Any], features: Any, plain: bool) -> None:
        """Raise InvalidValue when features do not fit; `plain` ones are finite numbers."""
        if not self._known:
            return
        if self.names is None:
            if given.get("inputs") is not None and isinstance(features, Mapping):
                fields.with_inputs(given)
        elif type(features) is dict:
            if not (plain and features.keys() == self._name_set):
                fields.feature_list(self.names, features)
        elif not (plain and len(features) == len(self.names)):
            fields.feature_list(self.names, features)
