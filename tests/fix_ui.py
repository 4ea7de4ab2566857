"""A ledger in which every text is hostile, and the pages that lead to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    SummariesRepository,
)

# Everything that a browser might take for more than text.
NAME = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{7*7}}"
# Names may not have what turns text around; other text may.
EVIL = f"{NAME}\u202e"
MODEL = {"model_name": NAME}
NOW = datetime.now(UTC).replace(microsecond=0)
COUNT = 60
# What makes no other kind of page.
LIKE = {"until", "column", "status"}


def fill(db: Database) -> None:
    """Write some of everything about one model."""
    versions = ModelVersionRepository(db)
    began = NOW - timedelta(days=40)
    tags = {EVIL: EVIL}
    names = {"feature_names": [EVIL], "tags": tags}
    for number in (1, 2):
        versions.insert(
            **MODEL, **names, model_version=f"{number}{NAME}", algorithm=EVIL, created_at=began,
            dataset_version=EVIL, hyperparameters=tags, metrics={"roc_auc": 0.7, EVIL: 1.0},
        )  # fmt: skip
    versions.promote(**MODEL, model_version=f"1{NAME}", promoted_by=NAME, reason=EVIL, at=began)
    versions.promote(**MODEL, model_version=f"1{NAME}", slot="b", at=began)
    found = versions.get(**MODEL, model_version=f"2{NAME}")
    assert found is not None
    gate = {"gate": EVIL, "passed": False, "value": 0.1, "threshold": 0.2}
    decisions = RetrainingDecisionsRepository(db)
    for action in ("reject", "pending"):
        decisions.insert(
            **MODEL, trigger_reason=EVIL, action=action, candidate_version_id=found.id,
            gate_results=[gate], reasoning=EVIL, drift_context=tags, decided_by=NAME,
        )  # fmt: skip
    for day in range(30, 0, -1):
        at = NOW - timedelta(days=day)
        MonitoringMetricsRepository(db).insert(
            **MODEL, timestamp=at, lookback_hours=24, num_predictions=day, coverage_pct=90.0,
            positive_rate=0.1, feature_drift_ratio=day / 30, drifted_features=[EVIL],
            num_drifted_features=1, num_features=1, dataset_drift_detected=day % 2 == 0,
        )  # fmt: skip
        PerformanceMetricsRepository(db).insert(
            **MODEL, metric_name="roc_auc", metric_value=0.7 + day / 300, timestamp=at
        )
    DriftReportsRepository(db).insert(
        **MODEL, timestamp=NOW - timedelta(days=1), lookback_hours=24, drift_detected=True,
        features=[{"feature": EVIL, "drifted": True, "score": 0.5}], method=EVIL,
    )  # fmt: skip
    AlertsRepository(db).raise_alert(
        alert_type=NAME, title=EVIL, severity="critical", message=EVIL, related_data=tags, **MODEL
    )
    AgentActionsRepository(db).insert(
        action_type="promote", risk_level="high", description=EVIL, requested_by=NAME, **MODEL
    )
    PredictionsRepository(db).insert_many(
        rows=[
            {
                **MODEL,
                "model_version": f"1{NAME}",
                "predicted_at": NOW - timedelta(minutes=n),
                "predicted_label": EVIL,
                "probability": 0.5,
                "request_id": f"{n:03}{EVIL}",
                "inputs": {EVIL: EVIL, f"plan{EVIL}": EVIL if n % 3 else "c"},
                "features": {EVIL: 1.0},
                "error_message": EVIL,
                "status": "error",
            }
            for n in range(COUNT)
        ]
    )
    BaselinesRepository(db).register(
        **MODEL,
        model_version=f"1{NAME}",
        data={EVIL: [0.5 + n / 40 for n in range(40)], f"plan{EVIL}": [EVIL, "b"] * 20},
    )
    GroundTruthRepository(db).insert(request_id=f"000{EVIL}", actual_label=EVIL, source=EVIL)
    SummariesRepository(db).fold()


def pages(client: TestClient) -> Iterator[str]:
    """Follow every link from the first page on, as far as pages of one kind differ."""
    seen: set[tuple[str, ...]] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        kind = (path.partition("?")[0], *sorted(set(re.findall(r"[?&](\w+)=", path)) - LIKE))
        if kind in seen:
            continue
        seen.add(kind)
        text = client.get(path).text
        yield path
        waiting += [href.replace("&amp;", "&") for href in re.findall(r'<a href="(/[^"#]*)"', text)]
