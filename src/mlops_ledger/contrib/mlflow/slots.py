"""Puts into slots what MLflow has in stages and under aliases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import mlops_ledger as ledger

from ...errors import PromotionRefused
from ...rows import Deployment, TimelineEntry
from . import mapping
from .mapping import Deviate

# Who deployed what was imported: MLflow does not say who moved a stage or an alias.
ACTOR: Final = "mlflow"
_MANY: Final = 1000
_STEP: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Holder:
    """A version that MLflow has in a slot, since when at the latest; None for now."""

    version: str
    since: datetime | None
    reason: str


def wanted(
    model: Any,
    versions: Iterable[tuple[str, str, datetime | None]],
    refused: Collection[str],
    deviate: Deviate,
) -> dict[str, list[Holder]]:
    """Return the holders of each slot, the one to stay last.

    `versions` are number, stage and last update; `refused` are the numbers of those that could not
    be imported. MLflow lets several versions be in Production; a slot holds one, so they follow
    one another by their last update.
    """
    found: dict[str, list[Holder]] = {}
    known = set()
    for version, stage, since in versions:
        known.add(version)
        if stage in ("production", "staging"):
            reason = f"imported from MLflow: stage {stage}"
            found.setdefault(stage, []).append(Holder(version, since, reason))
    for slot, holders in found.items():
        holders.sort(key=lambda holder: (holder.since is None, holder.since, int(holder.version)))
        if len(holders) > 1:
            names = ", ".join(holder.version for holder in holders)
            deviate(f"stage {slot}", f"holds versions {names}", "one follows the other in the slot")
    for alias, version in sorted((model.aliases or {}).items()):
        slot = mapping.slot(alias)
        if slot != alias:
            deviate(f"alias {alias}", "is no name of a slot", f"is the slot {slot}")
        if str(version) not in known:
            problem = "was not imported" if str(version) in refused else "is not there"
            deviate(f"alias {alias}", f"version {version} {problem}", "not imported")
            continue
        before = {each.version: None for each in found.get(slot, ())}
        if before.keys() - {str(version)}:
            before.pop(str(version), None)
            names = ", ".join([*before, str(version)])
            deviate(f"slot {slot}", f"is of versions {names}", "one follows the other in the slot")
        reason = f"imported from MLflow: alias {mapping.text(alias)}"
        found.setdefault(slot, []).append(Holder(str(version), None, reason))
    return found


class Slots:
    """The slots of one model, in one transaction.

    `is_ours` says whether a version came from this store: slots of others are left alone.
    """

    def __init__(
        self,
        tx: ledger.Transaction,
        model_name: str,
        is_ours: Callable[[str], bool],
        deviate: Deviate,
    ) -> None:
        self._tx = tx
        self.model_name = model_name
        self._is_ours = is_ours
        self._deviate = deviate

    def follow(self, holders_of: dict[str, list[Holder]], *, whole: bool) -> list[str]:
        """Synchronize the slots with MLflow; return in words what was changed.

        Only when all of the model was looked at are those emptied that MLflow has no more.
        """
        changes = []
        for slot, holders in holders_of.items():
            changes += self._follow(slot, holders)
        models = ledger.ModelVersionRepository(self._tx)
        for held in models.list_live(model_name=self.model_name, limit=_MANY) if whole else ():
            ours = held.deployed_by == ACTOR and self._is_ours(held.model_version)
            if held.slot not in holders_of and ours:
                models.retire(
                    model_name=self.model_name,
                    slot=held.slot,
                    retired_by=ACTOR,
                    reason="MLflow has nothing there any more",
                )
                changes.append(f"{self.model_name}: slot {held.slot} was emptied")
        return changes

    def _follow(self, slot: str, holders: list[Holder]) -> list[str]:
        newest = self._newest(slot)
        if newest is None:
            return [change for holder in holders if (change := self._promote(slot, holder))]
        holder = holders[-1]
        # Of several in a stage the one that is there stays, whichever MLflow touched last.
        staying = [holder] if holder.since is None else holders
        if newest.is_live and newest.model_version in {each.version for each in staying}:
            return []
        if newest.is_live and not self._is_ours(newest.model_version):
            problem = f"MLflow has version {holder.version} there, and the ledger"
            self._deviate(
                f"slot {slot}", f"{problem} {newest.model_version} of elsewhere", "left as it is"
            )
            return []
        if holder.since is not None and holder.since < newest.deployed_at:
            return []
        if ACTOR not in (newest.deployed_by, newest.retired_by):
            self._deviate(
                f"slot {slot}", f"MLflow has version {holder.version} there", "the ledger's stays"
            )
            return []
        change = self._promote(slot, holder)
        return [change] if change else []

    def _promote(self, slot: str, holder: Holder) -> str | None:
        newest = self._newest(slot)
        at = holder.since
        if at is not None and newest is not None:
            at = max(at, (newest.retired_at or newest.deployed_at) + _STEP)
        try:
            with self._tx.transaction() as savepoint:
                made: Deployment = ledger.ModelVersionRepository(savepoint).promote(
                    model_name=self.model_name,
                    model_version=holder.version,
                    slot=slot,
                    promoted_by=ACTOR,
                    reason=holder.reason,
                    at=at,
                )
        except PromotionRefused as error:
            self._deviate(f"slot {slot}", str(error), "left as it is")
            return None
        return f"{self.model_name}: version {made.model_version} is in slot {slot}"

    def _newest(self, slot: str) -> TimelineEntry | None:
        models = ledger.ModelVersionRepository(self._tx)
        found = models.timeline(model_name=self.model_name, slot=slot, limit=1)
        return found[0] if found else None
