"""What `db url` prints, and what programs of libpq are given, open what the string names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger import ConfigError, Database, LedgerError, Settings
from mlops_ledger.connection.connections import connect, direct
from mlops_ledger.connection.conninfo import isolate, parse, resolve, url
from mlops_ledger.connection.session import child_environment

pytestmark = [
    pytest.mark.once,
    pytest.mark.not_distributed("how a server is reached has nothing to do with its tables"),
]

SERVICES = """\
[full]
host=127.0.0.1
port=7001
user=u
dbname=service_db
options=-c search_path=led
[partial]
host=h.example
"""
# Each is (string, environment, what libpq connects to).
FORMS: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("postgresql://u:p@h:1/d", {}, {"user": "u", "password": "p", "host": "h", "port": "1"}),
    ("postgres://u@h/d", {}, {"host": "h", "port": "5432", "dbname": "d"}),
    ("postgresql+psycopg://u@h/d", {}, {"host": "h", "dbname": "d"}),
    ("postgresql+asyncpg://u@h/d", {}, {"host": "h", "dbname": "d"}),
    ("postgresql://u@h", {}, {"dbname": "u"}),
    ("postgresql:///d", {}, {"dbname": "d"}),
    ("postgresql://u@/d", {}, {"user": "u", "dbname": "d"}),
    ("postgresql://u@[::1]:25400/d", {}, {"host": "::1", "port": "25400"}),
    ("postgresql://u@[::1]/d", {}, {"host": "::1", "port": "5432"}),
    ("postgresql://u@[fe80::1%25eth0]/d", {}, {"host": "fe80::1%eth0"}),
    ("postgresql://u@[2001:db8::1],h:2/d", {}, {"host": "2001:db8::1,h", "port": "5432,2"}),
    ("host=::1 dbname=d", {}, {"host": "::1"}),
    ("postgresql://u@a,b/d", {}, {"host": "a,b", "port": "5432,5432"}),
    ("postgresql://u@a:1,b:2/d", {}, {"host": "a,b", "port": "1,2"}),
    ("postgresql://u@a,b:2/d", {}, {"host": "a,b", "port": "5432,2"}),
    ("postgresql://u@a:1,b/d", {}, {"host": "a,b", "port": "1,5432"}),
    ("host=a,b port=7 dbname=d", {}, {"host": "a,b", "port": "7,7"}),
    ("host=a,b port=7,8 dbname=d", {}, {"host": "a,b", "port": "7,8"}),
    ("host=a,,b port=7,8,9 dbname=d", {}, {"host": "a,,b", "port": "7,8,9"}),
    ("postgresql://u@a,b/d?target_session_attrs=read-write", {}, {"host": "a,b"}),
    ("postgresql:///d?host=a&port=7", {}, {"host": "a", "port": "7"}),
    ("postgresql://%2Fvar%2Frun%2Fpg/d", {}, {"host": "/var/run/pg"}),
    ("postgresql:///d?host=/var/run/pg&port=7", {}, {"host": "/var/run/pg", "port": "7"}),
    ("host=/var/run/pg dbname=d", {}, {"host": "/var/run/pg"}),
    ("host=@abstract dbname=d", {}, {"host": "@abstract"}),
    ("host=/a,/b dbname=d", {}, {"host": "/a,/b"}),
    ("hostaddr=127.0.0.1 dbname=d", {}, {"hostaddr": "127.0.0.1"}),
    ("host=h hostaddr=127.0.0.1 port=7 dbname=d", {}, {"host": "h", "hostaddr": "127.0.0.1"}),
    ("hostaddr=::1 dbname=d", {}, {"hostaddr": "::1"}),
    ("postgresql://u%40x:p%2Fw%3A%40@h/d", {}, {"user": "u@x", "password": "p/w:@"}),
    ("postgresql://u:100%25@h/d", {}, {"password": "100%"}),
    ("postgresql://u@h/a%2Fb", {}, {"dbname": "a/b"}),
    ("postgresql://u@h/a%20b%3F", {}, {"dbname": "a b?"}),
    ("postgresql://u@h/%C3%BC", {}, {"dbname": "ü"}),
    (r"host=h user='a b' password='it\'s' dbname=d", {}, {"user": "a b", "password": "it's"}),
    ("postgresql://u@h/d?sslmode=require", {}, {"sslmode": "require"}),
    (
        "postgresql://u@h/d?sslmode=verify-full&sslrootcert=%2Fca%20b.crt",
        {},
        {"sslrootcert": "/ca b.crt"},
    ),
    ("postgresql://u@h/d?options=-c%20search_path%3Dled", {}, {"options": "-c search_path=led"}),
    (
        r"host=h dbname=d options='-c search_path=\"a\\ b\"'",
        {},
        {"options": r'-c search_path="a\ b"'},
    ),
    ("postgresql://u@h/d?passfile=%2Fp", {}, {"passfile": "/p"}),
    (
        "postgresql://u@h/d?connect_timeout=7&application_name=a%20b",
        {},
        {"application_name": "a b"},
    ),
    (
        "postgresql://u@h/d?gssencmode=require&channel_binding=require",
        {},
        {"channel_binding": "require"},
    ),
    (
        "service=full",
        {},
        {"host": "127.0.0.1", "port": "7001", "dbname": "service_db", "user": "u"},
    ),
    ("service=full dbname=other", {}, {"host": "127.0.0.1", "dbname": "other"}),
    ("postgresql:///?service=full", {}, {"dbname": "service_db", "options": "-c search_path=led"}),
    ("service=full", {"PGHOST": "elsewhere", "PGPORT": "1"}, {"host": "127.0.0.1", "port": "7001"}),
    ("service=partial", {"PGPORT": "7"}, {"host": "h.example", "port": "7"}),
    ("dbname=d", {"PGSERVICE": "full"}, {"host": "127.0.0.1", "dbname": "d"}),
    ("dbname=d", {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "p"}, {"host": "h", "password": "p"}),
    (
        "postgresql://h/d",
        {"PGPORT": "7", "PGSSLMODE": "require"},
        {"port": "7", "sslmode": "require"},
    ),
    ("postgresql://h/d", {"PGHOSTADDR": "127.0.0.1"}, {"host": "h", "hostaddr": "127.0.0.1"}),
]


@pytest.fixture(autouse=True)
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "services").write_text(SERVICES)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))


@pytest.mark.parametrize(("text", "environment", "expected"), FORMS, ids=[f[0] for f in FORMS])
def test_the_url_says_what_the_string_and_its_surroundings_say(
    text: str,
    environment: dict[str, str],
    expected: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    conninfo = parse(text)
    found = resolve(conninfo)
    assert found.items() >= expected.items()
    printed = url(conninfo, password=True)
    hidden = url(conninfo, password=False)
    for name in (*environment, "PGSERVICEFILE"):
        monkeypatch.delenv(name)
    if "host" not in found and "hostaddr" in found:
        found["host"] = found.pop("hostaddr")
    assert resolve(parse(printed)) == found
    if "password" in found:
        assert f":{found['password']}@" not in hidden
        assert "***" in hidden


@pytest.mark.parametrize("environment", [{}, {"PGDATABASE": "x"}], ids=str)
def test_a_service_names_the_database_unless_the_string_does(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def database(text: str) -> str:
        return Settings.from_environment({"DATABASE_URL": text}).database

    assert database("service=full") == "service_db"
    assert database("service=full dbname=d") == "d"
    assert database("postgresql://h") == "mlops"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("service=nowhere", "service"),
        ("host=h sslmode=planted", "sslmode"),
        ("host=a port=1,2", "ports"),
        ("host=a,b hostaddr=127.0.0.1", "addresses"),
        ("host=h require_auth=planted", "require_auth"),
        ("host=h target_session_attrs=planted", "target_session_attrs"),
        ("host=h target_session_attrs=Primary", "target_session_attrs"),
        ("host=h channel_binding=planted", "channel_binding"),
        ("host=h gssencmode=planted", "gssencmode"),
        ("host=h ssl_max_protocol_version=planted", "ssl_max_protocol_version"),
        (
            "host=h ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
            "SSL protocol version range",
        ),
        ("host=h connect_timeout=planted", "connect_timeout must be a whole number"),
        ("host=h connect_timeout=1.5", "connect_timeout must be a whole number"),
        ("host=h keepalives=planted", "keepalives must be a whole number"),
        ("host=h keepalives_count=1s", "keepalives_count must be a whole number"),
        ("host=h tcp_user_timeout=planted", "tcp_user_timeout must be a whole number"),
        ("host=h replication=database", "replication"),
    ],
)
def test_what_libpq_refuses_is_named_and_not_quoted(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        resolve(parse(text))
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"target_session_attrs": "standby"}, "target_session_attrs demands"),
        ({"target_session_attrs": "read-only"}, "target_session_attrs demands"),
        ({"require_auth": "none"}, "another login than require_auth"),
        ({"options": "-c planted=1"}, "options, PGOPTIONS, PGTZ"),
        ({"options": "-c statement_timeout=planted"}, "options, PGOPTIONS, PGTZ"),
        ({"options": "-c planted"}, "options, PGOPTIONS, PGTZ"),
        ({"options": "-c geqo=planted"}, "options, PGOPTIONS, PGTZ"),
        ({"options": "planted"}, "options, PGOPTIONS, PGTZ"),
        ({"channel_binding": "require"}, "channel binding"),
        ({"hostaddr": "::g"}, "hostaddr"),
    ],
    ids=str,
)
def test_a_connection_that_cannot_be_has_its_reason(
    dsn: str, options: dict[str, str], reason: str
) -> None:
    with (
        pytest.raises(LedgerError, match=reason) as caught,
        Database(make_conninfo(dsn, **options)),
    ):
        pass
    assert "planted" not in str(caught.value)


def psql(arguments: list[str], environment: dict[bytes, bytes] | None = None) -> str:
    query = "SELECT current_database(), inet_server_port()"
    done = subprocess.run(
        ["psql", *arguments, "-XAtc", query], env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout


LIVE: list[Callable[[dict[str, str]], str]] = [
    lambda p: make_conninfo("", **p),
    lambda p: url(make_conninfo("", **p), password=True),
    lambda p: make_conninfo(
        "", **{**p, "host": f"127.0.0.1,{p['host']}", "port": f"1,{p['port']}"}
    ),
    lambda p: make_conninfo("", **{**p, "options": "-c search_path=public -c work_mem=1MB"}),
    lambda p: make_conninfo("", **{**p, "host": None, "hostaddr": p["host"]}),
    lambda p: make_conninfo(
        "", **{**p, "host": None, "hostaddr": f"{p['host']},{p['host']}", "port": f"1,{p['port']}"}
    ),
    lambda p: "service=live",
    lambda p: "service=live application_name=x",
]


@pytest.mark.parametrize("form", LIVE, ids=range(len(LIVE)))
def test_psql_opens_the_same_database(
    form: Callable[[dict[str, str]], str], dsn: str, tmp_path: Path
) -> None:
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    parts.pop("hostaddr", None)
    lines = "".join(f"{name}={value}\n" for name, value in parts.items())
    (tmp_path / "services").write_text(f"[live]\n{lines}")
    conninfo = parse(form(parts))
    expected = f"{parts['dbname']}|{parts['port']}\n"
    assert psql([url(conninfo, password=True)]) == expected
    assert psql([], child_environment(conninfo)) == expected


@pytest.mark.parametrize(
    "variable",
    [
        "PGSERVICE=nowhere",
        "PGSSLNEGOTIATION=direct",
        "PGLOADBALANCEHOSTS=x",
        "PGGSSENCMODE=require",
        "PGSSLMINPROTOCOLVERSION=TLSv9",
        "PGMINPROTOCOLVERSION=x",
        "PGREQUIREAUTH=none",
        "PGTARGETSESSIONATTRS=standby",
        "PGSSLMODE=require",
        "PGHOSTADDR=192.0.2.1",
        "PGSSLCERTMODE=require",
        "PGUSER=x",
        "PGCONNECT_TIMEOUT=x",
        "PGCLIENTENCODING=klingon",
        "PGPORT=1",
        "PGCHANNELBINDING=require",
    ],
)
def test_the_embedded_servers_sessions_ignore_the_variables_of_the_shell(
    variable: str, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = variable.partition("=")
    monkeypatch.setenv(name, value)
    kept = ("host", "port", "user", "password", "dbname", "sslmode")
    own = {name: value for name, value in conninfo_to_dict(dsn).items() if name in kept}
    string = direct(Settings(), isolate(make_conninfo("", **own)))
    with connect(string) as connection:
        assert connection.info.dbname == own["dbname"]
    assert psql([], child_environment(string)) == f"{own['dbname']}|{own['port']}\n"


def test_the_embedded_server_is_found_whatever_options_the_shell_has(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    with psycopg.connect(isolate(dsn)) as connection:
        assert connection.info.dbname == conninfo_to_dict(dsn)["dbname"]


@pytest.mark.parametrize(
    ("variable", "given"),
    [
        ("PGTARGETSESSIONATTRS=standby", "target_session_attrs=any"),
        ("PGSSLMODE=verify-full", "sslmode=prefer"),
        ("PGHOSTADDR=192.0.2.1", "hostaddr=''"),
        ("PGCHANNELBINDING=require", "channel_binding=prefer"),
    ],
)
def test_what_the_string_says_wins_although_it_is_the_default(
    variable: str, given: str, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*variable.split("=", 1))
    parts = conninfo_to_dict(dsn)
    conninfo = parse(f"{make_conninfo('', **{**parts, 'sslmode': None})} {given}")
    with Database(conninfo) as db:
        assert db.health().healthy
    expected = f"{parts['dbname']}|{parts['port']}\n"
    assert psql([], child_environment(conninfo)) == expected
    monkeypatch.delenv(variable.split("=")[0])
    assert psql([url(conninfo, password=True)]) == expected


def test_the_environment_of_a_child_has_nothing_of_ours(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    monkeypatch.setenv("PGDATESTYLE", "German")
    monkeypatch.setenv("KEPT", "1")
    environment = child_environment(dsn)
    assert b"PGTZ" not in environment
    assert b"PGDATESTYLE" not in environment
    assert environment[b"KEPT"] == os.environb[b"KEPT"]


def test_single_quotes_in_env_files_protect_dollars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "POSTGRES_PASSWORD='ab${HOME}cd$ef'\nPOSTGRES_USER=\"${WHO}x\"\nexport POSTGRES_HOST=h\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHO", "me")
    found = conninfo_to_dict(Settings.from_environment().conninfo or "")
    assert (found["password"], found["user"], found["host"]) == ("ab${HOME}cd$ef", "mex", "h")


def test_the_environment_wins_over_an_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("POSTGRES_HOST=of-the-file\nPOSTGRES_USER=of-the-file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTGRES_HOST", "of-the-shell")
    found = conninfo_to_dict(Settings.from_environment().conninfo or "")
    assert (found["host"], found["user"]) == ("of-the-shell", "of-the-file")


def test_a_named_pipe_is_no_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"\.env is not a regular file"):
        Settings.from_environment()


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("MLOPS_DB_NAME", {}),
        ("MLOPS_DB_NAME", {"DATABASE_URL": "postgresql://u@h"}),
        ("POSTGRES_USER", {}),
        ("POSTGRES_PASSWORD", {"POSTGRES_HOST": "h"}),
        ("DATABASE_URL", {}),
        ("MLOPS_READ_URL", {"DATABASE_URL": "postgresql://u@h/d"}),
    ],
)
def test_a_setting_of_bytes_that_are_not_utf8_is_named(name: str, others: dict[str, str]) -> None:
    value = os.fsdecode(b"postgresql://\xe9@h/d" if name.endswith("URL") else b"me\xe9")
    with pytest.raises(ConfigError, match=name) as caught:
        Settings.from_environment({**others, name: value})
    assert "me\udce9" not in str(caught.value)


@pytest.mark.parametrize("name", ["PGUSER", "PGPASSWORD", "PGAPPNAME", "PGOPTIONS", "PGPASSFILE"])
def test_a_variable_of_libpq_that_is_not_utf8_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, os.fsdecode(b"me\xe9"))
    with pytest.raises(ConfigError, match=rf"\({name}\) is not UTF-8"):
        resolve("postgresql://h/d")
