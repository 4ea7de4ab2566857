"""Hostile and odd values by sort, and the fields that must refuse or keep them."""

from __future__ import annotations

import enum
import math
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KOLKATA = timezone(timedelta(hours=5, minutes=30))
SOME_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
NAN, INF = math.nan, math.inf


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    ONE = 1


class Vague(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, _: datetime | None) -> None:
        return None


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


CYCLE: dict[str, Any] = {}
CYCLE["again"] = CYCLE

NOT_TEXT = [5, 1.5, True, b"abc", bytearray(b"abc"), Decimal(1), SOME_ID, NOON, ["a"], {"a": 1}]
NOT_TEXT += [{"a"}, object(), np.int64(1), np.array(["a"]), Level.ONE, range(3), type]
BAD_TEXT = ["a\x00b", "\x00", "\ud800", "a\udfffb", "x" * 1_000_001, "ü" * 500_001]
BAD_NAMES = ["", " ", " m", "m ", "a\nb", "a\x7fb", "\t", "a\x1b[31m", "x" * 256, "x" * 300]

NOT_A_NUMBER = [NAN, INF, -INF, Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), 10**400]
NOT_A_NUMBER += [np.float64("nan"), np.float32("inf"), np.float16("-inf"), "0.5", "", True, False]
NOT_A_NUMBER += [np.bool_(True), b"1", [0.5], np.array([0.5]), {}, 1j, Fraction(1, 2), object()]
NOT_A_NUMBER += [
    NOON,
    timedelta(1),
    np.timedelta64(1, "ns"),
    np.datetime64("2026-01-01T00:00", "ns"),
]
NOT_WHOLE = [2.7, 3.0, Decimal(3), "3", np.float64(3), 2**63, -(2**63) - 1, -1, np.uint64(2**63)]

BAD_IN_JSON = [
    NAN,
    INF,
    -INF,
    np.float64("nan"),
    np.float32("inf"),
    Decimal("NaN"),
    Decimal("sNaN"),
]
BAD_IN_JSON += [2**63, -(2**63) - 1, 10**400, "\x00", "\udc80", b"abc", {1}, 1j, object(), range(3)]
BAD_IN_JSON += [datetime(2026, 1, 1), datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))]
BAD_IN_JSON += [time(12), timedelta(1), np.array([1.0, NAN]), {1: "a"}, {None: 1}, {b"k": 1}]
BAD_IN_JSON += [{"\x00": 1}, {"\udc80": 1}, {("a",): 1}, (n for n in "ab"), Fraction(1, 2)]
BAD_IN_JSON += [np.datetime64("2026-01-01T00:00", "ns"), np.timedelta64(1, "ns"), np.complex64(1)]
NOT_AN_OBJECT = [
    [],
    ["a"],
    "text",
    "{}",
    5,
    1.5,
    True,
    NAN,
    b"{}",
    (),
    NOON,
    SOME_ID,
    np.array([1]),
]
BAD_DOCUMENTS = [
    nested(66),
    nested(5000),
    CYCLE,
    {"a": "x" * 1_000_001},
    {"a": ["x" * 1000] * 1100},
]

NOT_AN_INSTANT = [
    "2026-01-01",
    "now",
    "infinity",
    1767268800,
    1.5,
    True,
    date(2026, 1, 1),
    time(12),
]
NOT_AN_INSTANT += [datetime(2026, 1, 1), datetime.min, datetime.max, NOON.replace(tzinfo=Vague())]
NOT_AN_INSTANT += [datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), np.datetime64("now")]
NOT_AN_INSTANT += [datetime.max.replace(tzinfo=timezone(-timedelta(hours=14))), NAN, [NOON], b"now"]
NOT_AN_INSTANT += [np.datetime64("2026-01-01T00:00", "ns"), np.datetime64("NaT")]
THE_FUTURE = [datetime.max.replace(tzinfo=UTC), datetime(2999, 1, 1, tzinfo=KOLKATA)]

NOT_AN_ID = ["", "x", "0" * 31, 0, 5, b"\0" * 16, True, 1.5, [SOME_ID], {}, NOON, SOME_ID.int]
NOT_TEXTS = ["abc", b"ab", 5, True, {"a"}, {"a": 1}, (c for c in "ab"), ["a", None], [1], [["a"]]]
NOT_TEXTS += [["a\x00"], ["\ud800"], [b"a"], np.array([1.0]), [NAN], np.array([["a"]]), "{a,b}"]
NOT_BOOLEAN = [1, 0, "true", "", 1.0, [], b"t", np.int64(1), NAN, "t", Level.ONE, object()]

MODELS, MONITORING, DECISIONS = "insert version", "insert run", "insert decision"
ACTIONS, APPROVE, EXECUTE = "insert action", "approve action", "mark_executed action"
PROMOTE, ROLLBACK, RETIRE = "promote", "rollback", "retire"

TEXTS = {
    MODELS: [
        "algorithm",
        "artifact_uri",
        "created_by",
        "dataset_digest",
        "dataset_version",
        "metadata_uri",
        "mlflow_run_id",
        "model_name",
        "model_version",
        "stage",
    ],
    MONITORING: ["drift_report_ref", "drift_summary_ref", "model_name"],
    DECISIONS: ["action", "decided_by", "model_name", "reasoning", "trigger_reason"],
    ACTIONS: [
        "action_type",
        "description",
        "issue_id",
        "issue_severity",
        "issue_type",
        "model_name",
        "requested_by",
        "risk_level",
    ],
    APPROVE: ["comment", "reviewed_by"],
    EXECUTE: ["executed_by"],
    PROMOTE: ["model_name", "model_version", "promoted_by", "reason", "slot"],
    ROLLBACK: ["model_name", "reason", "rolled_back_by", "slot"],
    RETIRE: ["model_name", "reason", "retired_by", "slot"],
}
NUMBERS = {
    MONITORING: [
        "coverage_pct",
        "entropy",
        "feature_drift_ratio",
        "lookback_hours",
        "positive_rate",
        "probability_mean",
        "probability_std",
    ],
    DECISIONS: ["coverage_pct"],
}
WHOLE = {
    MODELS: ["training_samples"],
    MONITORING: ["labeled_samples", "num_drifted_features", "num_features", "num_predictions"],
    DECISIONS: ["labeled_samples"],
}
OBJECTS = {
    MODELS: ["hyperparameters", "metrics", "tags"],
    MONITORING: ["metadata"],
    DECISIONS: ["data_context", "decision_details", "drift_context"],
    ACTIONS: ["parameters"],
    EXECUTE: ["result"],
}
INSTANTS = {
    MODELS: ["created_at"],
    MONITORING: ["timestamp"],
    DECISIONS: ["timestamp"],
    ACTIONS: ["requested_at"],
    PROMOTE: ["at"],
    ROLLBACK: ["at"],
    RETIRE: ["at"],
}
IDS = {
    MODELS: ["id"],
    MONITORING: ["id", "model_version_id"],
    DECISIONS: [
        "candidate_version_id",
        "id",
        "monitoring_run_id",
        "production_version_id",
        "resolves_id",
    ],
    ACTIONS: ["id", "model_version_id"],
    APPROVE: ["id"],
    EXECUTE: ["id"],
    PROMOTE: ["action_id", "decision_id", "deployment_id"],
    ROLLBACK: ["deployment_id"],
    RETIRE: ["deployment_id"],
}
# Values of a sort, and the fields that must refuse them.
REFUSED: dict[str, tuple[list[Any], dict[str, list[str]]]] = {
    "text": (NOT_TEXT + BAD_TEXT, TEXTS),
    "names": (BAD_NAMES, {MODELS: ["model_name", "model_version"], ACTIONS: ["action_type"]}),
    "people": (
        ["", " ", "\u2003", "a\nb", "a\x1b[31m", "x" * 256],
        {ACTIONS: ["requested_by"], APPROVE: ["reviewed_by"]},
    ),
    "risks": (["", "huge", "lo w", "high\n"], {ACTIONS: ["risk_level"]}),
    "slots": ([*BAD_NAMES, "Production", "a b", "-a", "ü", "x" * 64], {PROMOTE: ["slot"]}),
    "stages": (["", "live", "productions", "Produc tion", "\n"], {MODELS: ["stage"]}),
    "actions": (["", "approve", "Promoted", "rejected\n!"], {DECISIONS: ["action"]}),
    "triggers": (["", "x" * 256], {DECISIONS: ["trigger_reason"]}),
    "numbers": (NOT_A_NUMBER, NUMBERS),
    "ratios": (
        [-0.1, 1.000001, 1e308, -1, 2, Decimal("1.1"), np.float32(-1), 10**30],
        {
            MONITORING: [
                "feature_drift_ratio",
                "positive_rate",
                "probability_mean",
                "probability_std",
            ]
        },
    ),
    "percentages": (
        [-0.1, 100.01, 1e308, -1, 101, 10**30],
        {MONITORING: ["coverage_pct"], DECISIONS: ["coverage_pct"]},
    ),
    "amounts": ([-1, -5e-324, -1e308], {MONITORING: ["entropy", "lookback_hours"]}),
    "whole numbers": (NOT_A_NUMBER + NOT_WHOLE, WHOLE),
    "small whole numbers": ([2**31, 2**40], {MONITORING: ["num_drifted_features", "num_features"]}),
    "objects": (NOT_AN_OBJECT + BAD_DOCUMENTS, OBJECTS),
    "objects holding": ([{"a": {"b": [0, value]}} for value in BAD_IN_JSON], OBJECTS),
    "metrics": (
        [{"accuracy": value} for value in [*BAD_IN_JSON, "0.5", True, 1.5, -0.1]],
        {MODELS: ["metrics"]},
    ),
    "gates": (
        [[value] for value in [*BAD_IN_JSON, {}, 5, {"gate": 1, "passed": True}, {"passed": True}]]
        + [[{"gate": "a", "passed": value}] for value in (1, "true", None, NAN)]
        + [{"gate": "a", "passed": True}, "gate", 5, True, {}],
        {DECISIONS: ["gate_results"]},
    ),
    "instants": (NOT_AN_INSTANT, INSTANTS),
    "ends": ([*NOT_AN_INSTANT, NOON - timedelta(days=1)], {ACTIONS: ["expires_at"]}),
    "the future": (THE_FUTURE, {name: INSTANTS[name] for name in INSTANTS}),
    "ids": (NOT_AN_ID, IDS),
    "lists of texts": (NOT_TEXTS, {MODELS: ["feature_names"], MONITORING: ["drifted_features"]}),
    "booleans": (
        NOT_BOOLEAN,
        {MONITORING: ["dataset_drift_detected"], ACTIONS: ["requires_approval"]},
    ),
}

# What is stored, and what is read again.
ACCEPTED: list[tuple[str, str, Any, Any]] = [
    (MODELS, "model_name", "x" * 255, "x" * 255),
    (MODELS, "model_name", "ü ß 漢😀", "ü ß 漢😀"),
    (MODELS, "stage", "StaGing ", "staging"),
    (MODELS, "algorithm", "", ""),
    (MODELS, "algorithm", " \t\n'\"\\%s{}", " \t\n'\"\\%s{}"),
    (MODELS, "algorithm", np.str_("ridge"), "ridge"),
    (MODELS, "algorithm", Colour.RED, "red"),
    (MODELS, "artifact_uri", "x" * 1_000_000, "x" * 1_000_000),
    (MODELS, "training_samples", 2**63 - 1, 2**63 - 1),
    (MODELS, "training_samples", np.int64(7), 7),
    (MODELS, "training_samples", Level.ONE, 1),
    (MODELS, "metrics", {"accuracy": np.float32(0.5), "n": np.int8(3), "none": None}, {
        "accuracy": 0.5, "n": 3, "none": None}),
    (MODELS, "metrics", {"rmse": Decimal("0.25"), "mae": -0.0}, {"rmse": 0.25, "mae": 0.0}),
    (MODELS, "hyperparameters", {"a": np.array([[1, 2]]), "b": (1, "x")}, {
        "a": [[1, 2]], "b": [1, "x"]}),
    (MODELS, "hyperparameters", {"a": NOON.astimezone(KOLKATA), "b": date(2026, 1, 1)}, {
        "a": "2026-01-01T12:00:00+00:00", "b": "2026-01-01"}),
    (MODELS, "hyperparameters", {"id": SOME_ID, "c": Colour.RED, "l": Level.ONE}, {
        "id": str(SOME_ID), "c": "red", "l": 1}),
    (MODELS, "tags", {"": "", "a.b": "\u2028😀", "n": 2**53 + 1}, {
        "": "", "a.b": "\u2028😀", "n": 2**53 + 1}),
    (MODELS, "tags", nested(64), nested(64)),
    (MODELS, "feature_names", ("a", "ü", " "), ["a", "ü", " "]),
    (MODELS, "feature_names", np.array(["a", "b"]), ["a", "b"]),
    (MODELS, "created_at", datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)),
    (MODELS, "created_at", NOON.astimezone(KOLKATA), NOON),
    (MODELS, "id", str(SOME_ID), SOME_ID),
    (MONITORING, "positive_rate", np.float64(0.1), 0.1),
    (MONITORING, "positive_rate", Decimal("0.1"), 0.1),
    (MONITORING, "positive_rate", 1, 1.0),
    (MONITORING, "positive_rate", 5e-324, 5e-324),
    (MONITORING, "positive_rate", np.array(0.25), 0.25),
    (MONITORING, "probability_mean", np.float32(0.1), float(np.float32(0.1))),
    (MONITORING, "dataset_drift_detected", np.bool_(False), False),
    (MONITORING, "drifted_features", [], []),
    (MONITORING, "drifted_features", ["a", "{b}", 'c"', "NULL"], ["a", "{b}", 'c"', "NULL"]),
    (MONITORING, "metadata", {"a": [None, True, 1.5]}, {"a": [None, True, 1.5]}),
    (ACTIONS, "risk_level", " High", "high"),
    (ACTIONS, "requested_by", " ü 漢😀 ", " ü 漢😀 "),
    (ACTIONS, "description", "x" * 1_000_000, "x" * 1_000_000),
    (ACTIONS, "parameters", {"rate": Decimal("0.25")}, {"rate": 0.25}),
    (ACTIONS, "requires_approval", np.bool_(True), True),
    (ACTIONS, "expires_at", datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    (DECISIONS, "action", "REJECT ", "reject"),
    (DECISIONS, "reasoning", "line\nline", "line\nline"),
    (DECISIONS, "gate_results", [{"gate": "a", "passed": np.bool_(True), "value": np.float64(1)}], [
        {"gate": "a", "passed": True, "value": 1}]),
]  # fmt: skip
