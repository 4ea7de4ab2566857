"""`mlops-ledger audit`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def log(conn: psycopg.Connection) -> None:
    """A log of two promotions."""
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('m')")
    conn.execute("SELECT promote('m', '1', promoted_by => 'ann')")
    conn.execute("SELECT promote('m', '2', promoted_by => 'bob')")


def test_list_shows_who_did_what_to_which_model(run: Run, answer: Callable[..., Any]) -> None:
    lines = run("audit", "list").stdout.splitlines()
    assert lines[0].split()[:5] == ["seq", "recorded_at", "event", "model_name", "actor"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    assert " m " in lines[1]
    [entry] = answer("audit", "list", "--event", "promotion", "--by", "ann")
    assert (entry["seq"], entry["after"]["deployed_by"]) == (1, "ann")
    assert answer("audit", "list", "--table", "model_deployments", "--since", "now") == []


def test_a_whole_log_is_whole_with_and_without_the_database(
    run: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    head = run("audit", "head").stdout.strip()
    assert head.startswith("3:")
    assert answer("audit", "head") == {"seq": 3, "hash": head[2:]}
    whole = f"whole: every entry up to {head}\n"
    assert run("audit", "verify", "--against", head).stdout == whole
    exported = run("audit", "export").stdout
    file = tmp_path / "audit.jsonl"
    file.write_text(exported, encoding="utf-8")
    assert run("audit", "verify", "--file", str(file), "--against", head).stdout == whole
    for other in (f"3:{'0' * 64}", f"4:{head[2:]}"):
        for arguments in ((), ("--file", str(file))):
            assert run("audit", "verify", *arguments, "--against", other).exit_code == 1
    assert run("audit", "export", "--after", "2").stdout == exported.splitlines(True)[2]


def test_a_broken_log_is_an_exit_code_and_one_line(
    run: Run, conn: psycopg.Connection, tmp_path: Path
) -> None:
    head = run("audit", "head").stdout.strip()
    conn.execute("SET session_replication_role = replica")
    conn.execute("UPDATE audit_log SET actor = 'eve' WHERE seq = 2")
    expected = "broken: entry 2 was changed: its hash is not that of its content\n"
    file = tmp_path / "audit.jsonl"
    file.write_text(run("audit", "export").stdout, encoding="utf-8")
    for arguments in ((), ("--against", head), ("--file", str(file))):
        result = run("audit", "verify", *arguments)
        assert (result.exit_code, result.stdout) == (1, expected)
    result = run("audit", "verify", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["broken_seq"] == 2


def test_what_is_not_an_export_is_broken_and_what_is_not_a_head_is_refused(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b"\xff\xfe\x00not an export\n")
    result = run("audit", "verify", "--file", str(file))
    assert (result.exit_code, result.stdout) == (
        1,
        "broken: entry 1 is not a line of an export\n",
    )
    refused = run("audit", "verify", "--against", "yesterday")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: --against: must be SEQ:HASH")
    assert run("audit", "verify", "--file", str(tmp_path / "none")).exit_code == 2
