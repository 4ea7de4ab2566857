"""`mlops-ledger events` and `mlops-ledger webhooks`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from mlops_ledger import AlertsRepository, Database, ModelVersionRepository

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def happened(ledger: Database) -> None:
    """A promotion, an alert with hostile text, and another promotion."""
    AlertsRepository(ledger).raise_alert(alert_type="odd", title="\x1b[31mred", model_name="m")
    ModelVersionRepository(ledger).promote(model_name="m", model_version="2", promoted_by="bob")


def test_tail_prints_what_happened_in_its_order(run: Run) -> None:
    lines = run("events", "tail").stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines] == [
        "m: version 1 promoted to production by ann: first",
        "m: warning alert: \\x1b[31mred",
        "m: version 2 promoted to production by bob, replacing version 1",
    ]
    assert run("events", "tail", "--limit", "1").stdout.splitlines() == lines[2:]
    assert run("events", "tail", "--after", "1", "--model", "m").stdout.splitlines() == lines[1:]
    [event] = map(
        json.loads, run("events", "tail", "--type", "alert.raised", "--json").stdout.splitlines()
    )
    assert (event["specversion"], event["id"], event["type"]) == (
        "1.0",
        "2",
        "mlops_ledger.alert.raised",
    )
    assert event["data"]["title"] == "\x1b[31mred"
    assert run("events", "tail", "--after", "3", "--model", "m").exit_code == 0
    refused = run("events", "tail", "--type", "alert.raise")
    assert refused.exit_code == 2
    assert "there is no type alert.raise; did you mean alert.raised?" in refused.stderr


def test_a_consumer_goes_on_and_can_be_forgotten(run: Run, answer: Callable[..., Any]) -> None:
    for count in (3, 0):
        lines = run("events", "tail", "--consumer", "c").stdout.splitlines()
        assert len(lines) == count
    [consumer] = answer("events", "consumers")
    assert (consumer["consumer"], consumer["seq"]) == ("c", 4)
    assert run("events", "forget", "c").stdout == "forgot c\n"
    assert run("events", "forget", "c").exit_code == 2
    types = answer("events", "types")
    assert "mlops_ledger.deployment.retired" in [one["type"] for one in types]


def test_a_webhook_from_its_making_to_its_end(run: Run, answer: Callable[..., Any]) -> None:
    made = answer("webhooks", "add", "w", "http://127.0.0.1:1/x", "--allow-private", "--after", "0")
    assert made["secret"].startswith("whsec_")
    assert made["host"] == "http://127.0.0.1:1"
    odd = run("webhooks", "add", "v", "https://example.com/x", "--model", "nix")
    assert "there is no model nix; its events will be sent once there is one" in odd.stderr
    assert run("webhooks", "remove", "v").exit_code == 0
    sent = run("webhooks", "test", "w")
    assert (sent.exit_code, sent.stdout) == (1, "not accepted: no connection: Connection refused\n")
    sent = run("webhooks", "deliver")
    assert sent.exit_code == 1
    assert sent.stdout.startswith("w: 0 delivered, 1 failed, 0 given up (no connection")
    assert [one["status"] for one in answer("webhooks", "deliveries", "w")] == ["pending"] * 3
    [shown] = answer("webhooks", "list")
    assert (shown["pending"], shown["dead"], shown["failures"]) == (3, 0, 1)
    assert "127.0.0.1:1/x" not in run("webhooks", "list").stdout
    assert run("webhooks", "disable", "w").stdout == "disabled w\n"
    assert run("webhooks", "deliver").stdout == ""
    assert run("webhooks", "remove", "w").stdout == "removed w\n"
    refused = run("webhooks", "add", "w", "http://user:secret@example.com/")
    assert (refused.exit_code, "secret" in refused.stderr) == (2, False)
    slack = ["webhooks", "add", "s", "-", "--payload", "slack", "--template", "$summary"]
    assert run(*slack, input="https://hooks.example.com/T0\n").exit_code == 0
