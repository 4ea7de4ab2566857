"""Names and words are compared alike in a database of any locale."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import AgentActionsRepository, Database, LedgerError, Settings
from mlops_ledger.admin.verify import verify
from mlops_ledger.migrations import Migrator

# The last of each passes for the first to a reader: another case, characters nobody sees, letters
# of another alphabet.
SAME = [
    ("ali", "ALI"),
    ("éva", "ÉVA"),
    ("борис", "БОРИС"),
    ("ALİ", "ali"),
    ("straße", "STRASSE"),
    ("STRA\u1e9eE", "stra\u03b2e"),
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
    ("გიორგი", "ᲒᲘᲝᲠᲒᲘ"),
    ("bot", "bot\U000e0100"),
    ("bot", "b\U000e0001ot"),
    ("bot", "bot\U0001d173"),
    ("bot", "bot\ufff9"),
    ("bot", "bot\u3164"),
    ("bot", "b\uffffot"),
    ("bot", "bot\U0003fffe"),
    ("a b", "a \u2003\u1680 b"),
    ("boris", "b\u043eris"),
    ("boris", "B\u041eRIS"),
    ("scope", "\u0455\u0441\u043e\u0440\u0435"),
    ("alice", "\u0251lice"),
    ("nico", "ni\u03f2o"),
    ("Ivan", "\u0406van"),
    ("bot", "\U0001d41b\U0001d428\U0001d42d"),
    ("jürgen", "ju\u0308rgen"),
    ("Al", "AI"),
    ("paul", "pau1"),
    ("admin", "adrnin"),
    ("omar", "\u03bfmar"),
    ("\u0430\u043d\u043d\u0430", "\u0430\u043d\u043da"),
]
# Default_Ignorable_Code_Point, of DerivedCoreProperties.txt.
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


@pytest.fixture
def turkish(server_dsn: str) -> Iterator[str]:
    """A connection string to a ledger whose locale is Turkish."""
    name = f"turkish_{uuid.uuid4().hex}"
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        try:
            conn.execute(
                sql.SQL(
                    "CREATE DATABASE {} ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr'"
                    " TEMPLATE template0"
                ).format(sql.Identifier(name))
            )
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this server was built without ICU")
        try:
            dsn = make_conninfo(server_dsn, dbname=name)
            Migrator(dsn).up()
            yield dsn
        finally:
            conn.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name)))


def approves(dsn: str, requested_by: str, reviewed_by: str) -> bool:
    with Database(dsn) as db:
        actions = AgentActionsRepository(db)
        action = actions.insert(requested_by=requested_by, action_type="x", risk_level="CRITICAL")
        try:
            actions.approve(id=action, reviewed_by=reviewed_by)
        except LedgerError:
            return False
        return True


def test_turkish_letters_change_no_name_and_no_word(turkish: str, tmp_path: Path) -> None:
    for requester, reviewer in SAME:
        assert not approves(turkish, requester, reviewer), (requester, reviewer)
    assert approves(turkish, "ali", "veli")
    checks = verify(Settings(conninfo=turkish, spool_dir=tmp_path))
    assert [check for check in checks if check.found] == []


def test_who_looks_like_the_requester_does_not_review(dsn: str) -> None:
    for requester, reviewer in SAME:
        assert not approves(dsn, requester, reviewer), (requester, reviewer)
    for requester, reviewer in [
        ("bot", "bos"),
        ("Ila", "Lia"),
        ("jürgen", "jurgen"),
        ("an na", "anna"),
    ]:
        assert approves(dsn, requester, reviewer), (requester, reviewer)


def test_every_letter_is_the_same_in_either_case_and_nothing_invisible_tells_apart(
    conn: psycopg.Connection,
) -> None:
    every = [chr(code) for code in range(128, 0x110000) if not 0xD800 <= code < 0xE000]
    pairs = [
        (one, other)
        for one in every
        for other in {one.lower(), one.upper()}
        if len(other) == 1 and one not in (other, "ſ")  # passes for f
    ]
    pairs += [("bot", f"bo{one}t") for one in every if IGNORABLE.match(one)]
    assert len(pairs) > 6000
    query = (
        "SELECT a, b FROM unnest(%s::text[], %s::text[]) p (a, b)"
        " WHERE NOT ledger_is_same_person(a, b)"
    )
    assert conn.execute(query, [*map(list, zip(*pairs, strict=True))]).fetchall() == []


def test_a_name_of_invisible_characters_names_nobody(dsn: str) -> None:
    with Database(dsn) as db, pytest.raises(LedgerError, match="requested_by"):
        AgentActionsRepository(db).insert(
            requested_by="\U000e0100\ufff9", action_type="x", risk_level="low"
        )
