"""The pages: what they show, what they refuse, and what hostile text does to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import psycopg
import pytest
from fix_faults import migrated, own_server, stop
from fix_ui import COUNT, NAME, NOW, fill, pages
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import AlertsRepository, Database, ModelVersionRepository, Settings
from mlops_ledger.admin.roles import Roles
from mlops_ledger.cli import main
from mlops_ledger.errors import NotFound
from mlops_ledger.visible import is_shown, visible
from tools.scratch import scratch_database

pytest.importorskip("jinja2", reason="needs the extra [ui]")

from starlette.testclient import TestClient

from mlops_ledger.contrib import ui
from mlops_ledger.contrib.ui import create_app, write_report
from mlops_ledger.contrib.ui.text import parted

PAGES = Path(ui.__file__).parent / "templates"


@pytest.fixture(scope="module")
def ledger(server_dsn: str, template: str, prefix: str) -> Iterator[Database]:
    """A ledger in which every text is hostile."""
    with (
        scratch_database(server_dsn, template) as dsn,
        Database(Settings(conninfo=dsn)) as db,
    ):
        Roles(db).create(prefix=prefix)
        fill(db)
        yield db


class Elements(HTMLParser):
    """What a browser would make elements and attributes of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def client_of(db: Database) -> TestClient:
    return TestClient(create_app(db), base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def client(ledger: Database) -> TestClient:
    """A browser without a screen."""
    return client_of(ledger)


def test_hostile_text_stays_text_on_every_page(client: TestClient) -> None:
    found = list(pages(client))
    kinds = {path.partition("?")[0] for path in found}
    assert kinds >= {
        *("/", "/model", "/version", "/decision", "/predictions", "/prediction", "/alerts"),
        *("/alert", "/approvals", "/audit", "/ledger", "/feature", "/quality"),
    }
    shown = 0
    for path in found:
        answer = client.get(path)
        assert answer.status_code == 200, path
        # What came in through the record has no tag, no attribute, no expression of its own.
        found_in = Elements()
        found_in.feed(answer.text)
        assert not found_in.tags & {"script", "img"}, path
        assert not [name for name in found_in.attributes if name.startswith("on")]
        assert "\u202e" not in answer.text
        shown += "&lt;script&gt;" in answer.text
    assert shown > 8


def test_what_would_act_is_written_as_a_terminal_shows_it(db: Database) -> None:
    title = "\x1b[31m \x9b2J \x7f \u202eevil\u2066 zero\u200b \u3164 d\u00e9j\u00e0"
    alert = AlertsRepository(db).raise_alert(
        alert_type="t", title=title, severity="warning", related_data={title: title}
    )
    client = client_of(db)
    for path in ("/", "/alerts", f"/alert?id={alert.id}"):
        text = client.get(path).text
        assert visible(title) in unescape(text), path
        assert not {char for char in text if char != "\n" and not is_shown(char)}, path
    # A form sends back what it was given.
    given = "\u202eali\u200bce \ue000 <&"
    text = client.get("/quality", params={"model": given}).text
    [value] = re.findall(r'name="model" value="([^"]*)"', text)
    assert unescape(value) == given
    assert not set("\u202e\u200b\ue000") & set(text)


def test_nothing_comes_from_elsewhere_and_no_page_can_be_framed(client: TestClient) -> None:
    for path in ("/", f"/model?name={quote(NAME)}", "/static/style.css", "/nothing"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"(?:src|href|action)=\"(?!/|#)", answer.text)
        assert " style=" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/static/../app.py", 404),
        ("/static/..%2f..%2fapp.py", 404),
        ("/static//etc/passwd", 404),
        ("/model?name=unknown", 404),
        ("/version?model=unknown&version=1", 404),
        ("/decision?id=00000000-0000-0000-0000-000000000000", 404),
        ("/alert?id=00000000-0000-0000-0000-000000000000", 404),
        ("/prediction?id=019a1b2c-6666-7f50-8a9b-0c1d2e3f4a5b", 404),
        ("/prediction?id=00000000-0000-0000-0000-000000000000", 404),
        ("/prediction?id=x", 400),
        ("/prediction", 400),
        ("/model", 400),
        ("/model?name=%00", 400),
        (f"/model?name={'x' * 501}", 400),
        (f"/model?name={quote(NAME)}&since=yesterday", 400),
        (f"/model?name={quote(NAME)}&since=0001-01-01", 400),
        (f"/model?name={quote(NAME)}&since=9999-01-01", 400),
        (f"/model?name={quote(NAME)}&since=2026-02-01&until=2026-01-01", 400),
        ("/predictions?status=unknown", 400),
        ("/predictions?before=x", 400),
        ("/audit?before=-1", 400),
        ("/audit?before=99999999999999999999", 400),
    ],
)
def test_what_cannot_be_asked_is_said(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert "<h1>" in answer.text


def test_a_window_tells_of_its_own_alerts(dsn: str) -> None:
    named = {"alert_type": "t", "title": "t", "severity": "warning", "model_name": "m"}
    with Database(Settings(conninfo=dsn)) as db:
        ModelVersionRepository(db).insert(model_name="m")
        alerts = AlertsRepository(db)
        first = alerts.raise_alert(**named, dedup_key="a", at=NOW - timedelta(days=20))
        alerts.resolve(id=first.id, resolved_by="ana", at=NOW - timedelta(days=19))
        alerts.raise_alert(**named, dedup_key="b", at=NOW - timedelta(days=1))
        until = f"{NOW - timedelta(days=10):%Y-%m-%d}"
        since = f"{NOW - timedelta(days=30):%Y-%m-%d}"
        text = client_of(db).get(f"/model?name=m&since={since}&until={until}").text
    assert "1 in the window" in text
    assert "0 of them open" in text
    assert "1 open</span>" in text


def test_pages_only_read(client: TestClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/alerts", content=b"x" * 1_000_000).status_code == 405


def test_another_name_for_the_server_is_refused(ledger: Database) -> None:
    app = create_app(ledger, hosts=("ledger.example",))
    assert TestClient(app, base_url="http://evil.example").get("/").status_code == 400
    assert TestClient(app, base_url="http://ledger.example").get("/").status_code == 200


def test_every_choice_of_a_form_can_be_asked(client: TestClient) -> None:
    for path in ("/alerts", "/predictions"):
        text = client.get(path).text
        for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', text):
            for value in re.findall(r'value="(\w*)"', options):
                answer = client.get(path, params={name: value})
                assert answer.status_code == 200, (path, name, value)


def test_lists_page_by_key(client: TestClient) -> None:
    seen: list[str] = []
    path: str | None = "/predictions"
    while path is not None:
        text = client.get(path).text
        seen += re.findall(r"<code>(\d{3})", text)
        older = re.search(r'<a href="([^"]+)" rel="next"', text)
        path = older and older[1].replace("&amp;", "&")
    assert seen == [f"{n:03}" for n in range(COUNT)]


def test_a_parameter_that_no_page_knows_does_no_harm(client: TestClient) -> None:
    for name in ("path", "query", "self", "before[]"):
        answer = client.get("/predictions", params={name: "x"})
        assert answer.status_code == 200, name
        assert 'rel="next"' in answer.text


def test_every_command_that_a_page_names_is_one() -> None:
    texts = [each.read_text("utf-8") for each in PAGES.rglob("*.html")]
    texts += [(PAGES.parent / "app.py").read_text("utf-8")]
    named = {
        words for text in texts for words in re.findall(r"mlops-ledger ([a-z]+(?: [a-z]+)*)", text)
    }
    assert len(named) > 5
    for words in named:
        command: click.Command | None = main
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
            assert command is not None, words


def test_a_name_breaks_at_its_joints_and_nowhere_else() -> None:
    assert parted("label_coverage.pct/2-b") == "label_<wbr>coverage.<wbr>pct/<wbr>2-<wbr>b"
    assert parted("_<b>&_x_") == "_&lt;b&gt;&amp;_<wbr>x_"
    assert parted("\u202e") == "\\u202e"


def test_nothing_found_says_whether_there_is_anything(dsn: str) -> None:
    with Database(Settings(conninfo=dsn)) as db:
        client = client_of(db)
        for path, nothing, unfit in (
            ("/alerts", "No alert is open", "No alert fits"),
            ("/predictions", "No prediction is stored yet", "No prediction fits"),
            ("/audit", "Nothing is recorded yet", "No entry fits"),
            ("/quality", "Nothing is in production", "No version of such a model"),
        ):
            # A form sends the fields that were left empty.
            for query in ("", "?model=&status=&event="):
                assert nothing in client.get(path + query).text, path
            assert unfit in client.get(f"{path}?model=x&event=x").text, path


def test_an_empty_ledger_has_pages(dsn: str) -> None:
    with Database(Settings(conninfo=dsn)) as db:
        client = client_of(db)
        found = list(pages(client))
        assert len(found) >= 6
        assert {client.get(path).status_code for path in found} == {200}


def test_a_reader_sees_everything_but_the_audit_log_and_inputs(
    ledger: Database, server_dsn: str, prefix: str
) -> None:
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        role = sql.Identifier(f"{prefix}reader")
        admin.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'secret'").format(role))
    conninfo = make_conninfo(ledger.settings.conninfo, user=f"{prefix}reader", password="secret")
    with Database(Settings(conninfo=conninfo)) as db:
        client = client_of(db)
        statuses = {path: client.get(path).status_code for path in pages(client)}
        assert {path: status for path, status in statuses.items() if status != 200} == {
            path: 403 for path in statuses if path.startswith("/audit")
        }
        path = next(path for path in statuses if path.startswith("/prediction?"))
        assert "may not read what went into the model" in client.get(path).text


def test_a_database_that_is_away_is_said_without_its_place() -> None:
    with own_server() as server, Database(Settings(conninfo=migrated(server))) as db:
        client = client_of(db)
        assert client.get("/").status_code == 200
        stop(server, "fast")
        answer = client.get("/")
        assert answer.status_code == 503
        assert "The database, or a part of it, is away" in answer.text


def test_a_database_that_takes_too_long_is_not_said_to_be_away(
    dsn: str, conn: psycopg.Connection[Any]
) -> None:
    with Database(Settings(conninfo=dsn, statement_timeout=0.5)) as db:
        client = client_of(db)
        with conn.transaction():
            conn.execute("LOCK TABLE alerts")
            answer = client.get("/alerts")
        assert answer.status_code == 503
        assert "The database took too long" in answer.text
        assert client.get("/alerts").status_code == 200


def test_a_database_without_a_ledger_is_said(empty_database: str) -> None:
    answer = client_of(Database(Settings(conninfo=empty_database))).get("/")
    assert answer.status_code == 503
    assert "There is no ledger in the database yet" in answer.text


def test_an_embedded_server_that_cannot_start_is_away(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    answer = client_of(Database(Settings(home=tmp_path))).get("/")
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text


def test_a_report_needs_nothing_else(ledger: Database, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    size = write_report(ledger, file, model_name=NAME)
    text = file.read_text("utf-8")
    assert size == file.stat().st_size < 200_000
    assert "<script" not in text
    # Links are left out, and what is nothing but a link.
    assert "Skip to" not in text
    assert not re.search(r"(?:src|href|action)=\"(?!#)", text)
    assert "default-src 'none'; style-src 'sha256-" in unescape(text)
    assert text.count("<svg") > 5
    with pytest.raises(NotFound):
        write_report(ledger, file, model_name="unknown")
    # A failure leaves what was there.
    assert file.read_text("utf-8") == text
