"""Which statistic of a feature says whether it has drifted, and from which value on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..errors import InvalidValue
from . import values


@dataclass(frozen=True, slots=True)
class Method:
    """A statistic, and the threshold by default.

    A test has a p-value, and a feature drifts below the threshold; a distance has none, and a
    feature drifts from the threshold on. Where it says nothing about categories, `otherwise` does.
    """

    statistic: str
    threshold: float
    p_value: str | None = None
    otherwise: str | None = None


# The sources of the thresholds are in docs/reference/drift.md.
METHODS: Final[Mapping[str, Method]] = {
    "psi": Method("psi", 0.25),
    "jensen_shannon": Method("jensen_shannon", 0.1),
    "hellinger": Method("hellinger", 0.1),
    "total_variation": Method("total_variation", 0.1),
    "kl": Method("kl", 0.1),
    "wasserstein": Method("wasserstein", 0.1, otherwise="jensen_shannon"),
    "ks": Method("ks", 0.05, p_value="ks_p_value", otherwise="chi2"),
    "chi2": Method("chi2", 0.05, p_value="chance"),
}
# A distance counts only where counts so different are less likely than that by chance.
CHANCE: Final = 0.01
STATISTICS: Final = (
    *("psi", "jensen_shannon", "hellinger", "total_variation", "kl", "wasserstein"),
    *("ks", "ks_p_value", "chi2", "chi2_p_value", "chance"),
)
QUALITY: Final = (
    *("reference_mean", "current_mean", "reference_missing", "current_missing"),
    *("reference_nan", "current_nan", "out_of_range", "unseen"),
)
OUTPUTS: Final = ("probability", "prediction", "predicted_label", "actual_label", "actual_value")


class Scale(NamedTuple):
    """The method that a feature is judged by, its name and its threshold."""

    word: str
    method: Method
    threshold: float


class Judge:
    """Says of the statistics of a feature whether it has drifted."""

    def __init__(self, method: str, thresholds: float | Mapping[str, float] | None) -> None:
        word = values.choice("method", method, tuple(METHODS))
        if word is None:
            raise InvalidValue("method", "is required")
        self.method = word
        self._own = thresholds if isinstance(thresholds, Mapping) else {}
        given = None if isinstance(thresholds, Mapping) else thresholds
        self.threshold = METHODS[word].threshold
        if given is not None:
            self.threshold = _threshold("thresholds", given)
        self._own = {name: _threshold(f"thresholds.{name}", t) for name, t in self._own.items()}

    def scale(self, feature: str, kind: str) -> Scale:
        """Return what a feature is measured by."""
        word, method = self.method, METHODS[self.method]
        threshold = self._own.get(feature, self.threshold)
        if method.otherwise is not None and kind == "categorical":
            word, method = method.otherwise, METHODS[method.otherwise]
            is_same_scale = (method.p_value is None) == (METHODS[self.method].p_value is None)
            threshold = threshold if is_same_scale else method.threshold
        return Scale(word, method, threshold)

    def require_known(self, names: Sequence[str]) -> None:
        """Refuse a threshold of a feature that is not there; raises InvalidValue."""
        if unknown := sorted(set(self._own) - set(names)):
            raise InvalidValue(f"thresholds.{unknown[0]}", "is not a feature of the baseline")

    def result(self, measured: Any) -> dict[str, Any]:
        """Return the result of a feature as `drift_reports.features` has it."""
        word, method, threshold = self.scale(measured.feature, measured.kind)
        statistic = getattr(measured, method.statistic)
        p_value = None if method.p_value is None else getattr(measured, method.p_value)
        if method.p_value is not None:
            drifted = p_value is not None and p_value < threshold
        else:
            drifted = statistic is not None and statistic >= threshold and not _is_noise(measured)
        found: dict[str, Any] = {
            "feature": measured.feature,
            "drifted": drifted,
            "method": word,
            "statistic": statistic,
            "threshold": threshold,
            "kind": measured.kind,
            "column_name": measured.column_name,
            "current_size": measured.current_size,
            "noise_floor": measured.noise_floor,
            "statistics": _known(measured, STATISTICS),
            "data_quality": _known(measured, QUALITY),
        }
        if measured.chance is None or statistic is None:
            found["reason"] = _why_untested(measured)
        return found | ({"score": statistic} if method.p_value is None else {"p_value": p_value})


def _is_noise(measured: Any) -> bool:
    """Return whether a distance is what chance makes of few rows."""
    return (
        measured.psi <= measured.noise_floor or measured.chance is None or measured.chance >= CHANCE
    )


def _why_untested(measured: Any) -> str:
    if measured.bins == 1:
        return "all values are in one bin"
    if measured.chance is None:
        return "too few values for a test"
    # What wasserstein and ks lack; the first is in standard deviations.
    return "no numbers on one side" if measured.ks is None else "the baseline has one value"


def _known(measured: Any, names: Sequence[str]) -> dict[str, float]:
    pairs = {name: getattr(measured, name) for name in names}
    return {name: value for name, value in pairs.items() if value is not None}


def _threshold(field: str, value: object) -> float:
    found = values.number(field, value)
    if found <= 0:
        raise InvalidValue(field, "must be above 0")
    return found
