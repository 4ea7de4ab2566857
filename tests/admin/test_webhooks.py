"""Webhooks: every event arrives, signed, whatever the endpoint does, and nowhere it must not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import psycopg
import pytest

from mlops_ledger import Database, WebhooksRepository
from mlops_ledger.admin.webhooks import (
    Undeliverable,
    add_webhook,
    deliver,
    deliver_forever,
    send_test,
    verify_webhook,
)
from mlops_ledger.admin.webhooks.addresses import is_public, parse_url, resolve
from mlops_ledger.admin.webhooks.payloads import message
from mlops_ledger.admin.webhooks.signing import signed_headers
from mlops_ledger.errors import Conflict, InvalidValue, NotFound
from mlops_ledger.rows import Event

pytestmark = pytest.mark.once

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Endpoint:
    """A server that answers as it is told, and remembers what was posted."""

    def __init__(self) -> None:
        self.status: Callable[[int], int] = lambda number: 200
        self.headers: dict[str, str] = {}
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.asked = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                endpoint.asked += 1
                status = endpoint.status(endpoint.asked)
                if status == 200:
                    endpoint.received.append((dict(self.headers), body))
                self.send_response(status)
                for name, value in endpoint.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=hidden"

    def seqs(self) -> list[int]:
        return [int(json.loads(body)["id"]) for _, body in self.received]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A server on this machine."""
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, args=[0.05])
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def hook(db: Database, endpoint: Endpoint, conn: psycopg.Connection) -> Endpoint:
    """A webhook to it, and twelve events that it has to send."""
    add_webhook(db, "hook", endpoint.url, secret=SECRET, allow_private=True, after=0)
    conn.execute("SELECT raise_alert('type ' || n, 'news') FROM generate_series(1, 12) n")
    return endpoint


def events_of(conn: psycopg.Connection) -> list[int]:
    return [seq for (seq,) in conn.execute("SELECT seq FROM v_events ORDER BY seq")]


def test_an_endpoint_that_was_down_gets_every_event_once_in_order_and_signed(
    db: Database, hook: Endpoint, conn: psycopg.Connection
) -> None:
    hook.status = lambda number: 503
    clock, waits = NOON, []
    for _ in range(12):
        [report] = deliver(db, at=clock)
        assert (report.delivered, report.failed, report.problem) == (
            0,
            1,
            "the answer was status 503",
        )
        assert deliver(db, at=clock) == []
        [state] = WebhooksRepository(db).list_webhooks()
        assert state.retry_at is not None
        waits.append((state.retry_at - clock).total_seconds())
        clock = state.retry_at
    # One attempt a round, whatever waits; twice as long each time, up to an hour.
    assert hook.asked == 12
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    conn.execute("SELECT raise_alert('meanwhile', 'news')")

    hook.status = lambda number: 200
    [report] = deliver(db, at=clock)
    assert (report.delivered, report.failed) == (13, 0)
    assert hook.seqs() == events_of(conn)
    for headers, body in hook.received:
        assert headers["content-type"] == "application/cloudevents+json"
        assert verify_webhook(SECRET, headers, body, at=clock)
        assert not verify_webhook(SECRET, headers, body + b" ", at=clock)
        assert not verify_webhook(SECRET, headers, body, at=clock + timedelta(minutes=6))
    ids = [headers["webhook-id"] for headers, _ in hook.received]
    assert len(set(ids)) == 13
    [report] = deliver(db, at=clock)
    assert (report.delivered, hook.asked) == (0, 25)
    first = WebhooksRepository(db).list_deliveries(webhook="hook")[-1]
    assert (first.status, first.attempts, first.status_code, first.error) == (
        "delivered",
        13,
        200,
        None,
    )


def test_an_event_that_is_refused_does_not_hold_up_the_others(db: Database, hook: Endpoint) -> None:
    hook.status = lambda number: 400 if number % 13 == 1 else 200
    [report] = deliver(db, at=NOON)
    assert (report.delivered, report.failed, report.dead) == (11, 1, 0)
    clock = NOON
    hook.status = lambda number: 400
    while not report.dead:
        clock += timedelta(hours=12)
        [report] = deliver(db, at=clock)
        assert report.failed == 1
    assert clock - NOON == timedelta(days=3)
    repository = WebhooksRepository(db)
    [dead] = repository.list_deliveries(webhook="hook", status="dead")
    assert (dead.seq, dead.status_code, dead.error) == (2, 400, "the answer was status 400")
    clock += timedelta(hours=2)
    assert deliver(db, at=clock)[0].failed == 0
    assert repository.requeue(webhook="hook", at=clock) == 1
    hook.status = lambda number: 200
    assert deliver(db, at=clock)[0].delivered == 1
    assert hook.seqs()[-1] == 2


def test_the_endpoint_says_when_to_come_back(db: Database, hook: Endpoint) -> None:
    hook.status, hook.headers = lambda number: 429, {"retry-after": "300"}
    deliver(db, at=NOON)
    assert deliver(db, at=NOON + timedelta(seconds=299)) == []
    hook.status = lambda number: 200
    assert deliver(db, at=NOON + timedelta(seconds=300))[0].delivered == 12


def test_an_endpoint_that_is_up_again_starts_over_with_its_pauses(
    db: Database, hook: Endpoint, conn: psycopg.Connection
) -> None:
    # It may ask for more than the pause, not for less.
    hook.headers, clock = {"retry-after": "1"}, NOON
    for number, (status, seconds) in enumerate(((503, 10), (503, 20), (200, 0), (503, 10))):
        hook.status = lambda _, status=status: status  # type: ignore[misc]
        conn.execute("SELECT raise_alert('again ' || %s, 'news')", [number])
        deliver(db, at=clock)
        [state] = WebhooksRepository(db).list_webhooks()
        assert state.retry_at == clock + timedelta(seconds=seconds)
        clock = state.retry_at


def test_an_event_that_is_refused_waits_twice_as_long_each_time(
    db: Database, hook: Endpoint
) -> None:
    hook.status, clock = lambda number: 400, NOON
    for seconds in (10, 20, 40, 80):
        deliver(db, at=clock)
        refused = WebhooksRepository(db).list_deliveries(webhook="hook")[-1]
        assert refused.next_attempt_at == clock + timedelta(seconds=seconds)
        clock = refused.next_attempt_at


def test_what_is_sent_again_has_its_three_days_again(db: Database, hook: Endpoint) -> None:
    hook.status = lambda number: 400
    deliver(db, at=NOON)
    clock = NOON + timedelta(days=3)
    assert deliver(db, at=clock)[0].dead == 12
    repository = WebhooksRepository(db)
    assert repository.requeue(webhook="hook", at=clock) == 12
    [report] = deliver(db, at=clock)
    assert (report.failed, report.dead) == (12, 0)


def test_however_far_behind_one_round_finds_what_is_due(
    db: Database, endpoint: Endpoint, conn: psycopg.Connection
) -> None:
    add_webhook(
        db, "m", endpoint.url, types=["mlops_ledger.deployment.promoted"], allow_private=True
    )
    conn.execute("SELECT raise_alert('type ' || n, 'news') FROM generate_series(1, 1500) n")
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    conn.execute("SELECT promote('m', '1')")
    assert deliver(db)[0].delivered == 1


def test_a_redirect_is_not_followed(db: Database, hook: Endpoint) -> None:
    hook.status, hook.headers = lambda number: 302, {"location": hook.url}
    [report] = deliver(db, at=NOON)
    assert (report.delivered, hook.asked) == (0, 12)


def test_of_several_senders_one_sends(db: Database, hook: Endpoint, dsn: str) -> None:
    reports: list[Any] = []

    def send() -> None:
        with Database(dsn) as own:
            reports.extend(deliver(own))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.delivered for report in reports) == 12
    assert sorted(hook.seqs()) == hook.seqs() == list(range(2, 14))


def test_who_died_while_sending_is_replaced(db: Database, hook: Endpoint) -> None:
    repository = WebhooksRepository(db)
    assert repository.claim(webhook="hook", lease=timedelta(minutes=2), at=NOON) is not None
    assert deliver(db, at=NOON + timedelta(seconds=119)) == []
    assert deliver(db, at=NOON + timedelta(seconds=120))[0].delivered == 12


def test_a_follower_sends_what_happens(
    db: Database, hook: Endpoint, conn: psycopg.Connection
) -> None:
    rounds = deliver_forever(db, poll=0.05)
    assert next(rounds)[0].delivered == 12
    conn.execute("SELECT raise_alert('another', 'news')")
    while not (report := next(rounds)[0]).delivered:
        pass
    assert report.delivered == 1
    rounds.close()


def test_only_the_events_that_were_asked_for(
    db: Database, endpoint: Endpoint, conn: psycopg.Connection
) -> None:
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('other')")
    conn.execute("SELECT raise_alert('before', 'it was made')")
    kind = "mlops_ledger.deployment.promoted"
    add_webhook(db, "m", endpoint.url, types=[kind], model_name="m", allow_private=True)
    conn.execute("SELECT promote('m', '1'), promote('other', '1'), raise_alert('a', 'news')")
    assert deliver(db)[0].delivered == 1
    [(_, body)] = endpoint.received
    assert json.loads(body)["data"]["model_name"] == "m"
    WebhooksRepository(db).set_enabled(webhook="m", enabled=False)
    conn.execute("SELECT retire('m'); SELECT promote('m', '1')")
    assert deliver(db) == []
    WebhooksRepository(db).set_enabled(webhook="m", enabled=True)
    assert deliver(db)[0].delivered == 1


def test_slack_gets_a_message_that_the_record_cannot_mark_up(
    db: Database, endpoint: Endpoint, conn: psycopg.Connection
) -> None:
    template = "*$severity* $title by $nobody for $$5"
    for name, text in (("plain", None), ("own", template)):
        add_webhook(db, name, endpoint.url, payload="slack", template=text, allow_private=True)
    conn.execute("SELECT raise_alert('odd', '<!channel> & <http://evil|click>', 'critical')")
    assert [report.delivered for report in deliver(db)] == [1, 1]
    assert [json.loads(body) for _, body in endpoint.received] == [
        {"text": "*critical* &lt;!channel&gt; &amp; &lt;http://evil|click&gt; by $nobody for $5"},
        {"text": "critical alert: &lt;!channel&gt; &amp; &lt;http://evil|click&gt;"},
    ]
    about = {"subject": "s", "model_name": None, "data": {"webhook": "w", "a": [1, None]}}
    event = Event(seq=1, type="mlops_ledger.webhook.test", time=NOON, database="d", **about)
    assert message("$a $subject $time", event) == "[1,null] s 2026-01-01T12:00:00Z"


def test_a_signature_is_that_of_the_specification() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'
    headers = signed_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    several = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
    assert verify_webhook(SECRET, several, body, at=at)
    for wrong in ({}, {**headers, "webhook-id": "other"}, {**headers, "webhook-timestamp": "x"}):
        assert not verify_webhook(SECRET, wrong, body, at=at)
    for wrong_secret in ("", "whsec_", "whsec_AAAA", SECRET[6:], "whsec_!"):
        with pytest.raises(InvalidValue, match="secret"):
            verify_webhook(wrong_secret, headers, body)


def test_private_addresses_take_permission(db: Database, hook: Endpoint) -> None:
    private = (
        "127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1"
        " 255.255.255.255 ::1 :: fe80::1%eth0 fc00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1::"
        " ff02::1 240.0.0.1 fec0::1 3fff::1 192.88.99.1 192.0.0.8 ::127.0.0.1 64:ff9b:1::a00:1"
        " ::ffff:0:10.0.0.1 2001:0:1:2::f5ff:fffe"
    )
    assert [one for one in private.split() if is_public(one)] == []
    assert all(map(is_public, ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")))
    for host in ("localhost", "127.1", "[::1]", "2130706433", "0x7f000001", "0177.0.0.1", "0"):
        with pytest.raises(Undeliverable, match="private address"):
            resolve(parse_url(f"https://{host}/", allow_private=False), allow_private=False)
    # What was allowed when it was made, and is not any more, is not sent.
    with db.connection() as connection:
        connection.execute("UPDATE webhooks SET allow_private = false")
    assert deliver(db, at=NOON)[0].problem == "url: must be https; http takes allow_private"
    assert hook.asked == 0


def test_what_is_no_url_is_refused_and_not_quoted(db: Database) -> None:
    for url in (
        "http://example.com/secret",
        "https://",
        "ftp://example.com/secret",
        "https://user:secret@example.com/",
        "https://example.com:port/secret",
        "https://exa mple.com/secret",
        "https://example.com/a secret",
        "https://bücher.example/secret",
        "secret",
    ):
        with pytest.raises(InvalidValue) as refused:
            add_webhook(db, "hook", url)
        assert "secret" not in str(refused.value)
    for wrong in (
        {"types": ["no.such.type"]},
        {"template": "$"},
        {"payload": "xml"},
        {"template": "text without slack"},
        {"secret": "abc"},
    ):
        with pytest.raises(InvalidValue, match=next(iter(wrong))):
            add_webhook(db, "hook", "https://example.com/", **wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="webhook"):
        add_webhook(db, "My Hook", "https://example.com/")


def test_secrets_are_shown_once_and_are_in_no_log(
    db: Database, hook: Endpoint, conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    made = add_webhook(db, "slack", "https://hooks.example.com/hidden", payload="slack")
    endpoint = WebhooksRepository(db).endpoint(webhook="hook")
    deliver(db, webhook="hook")
    shown = [repr(made), repr(endpoint), repr(WebhooksRepository(db).list_webhooks()), caplog.text]
    shown += [str(conn.execute("SELECT * FROM audit_log").fetchall())]
    shown += [str(conn.execute("SELECT * FROM webhook_deliveries").fetchall())]
    for text in shown:
        assert made.secret not in text
        assert SECRET not in text
        assert "hidden" not in text
    events = conn.execute(
        "SELECT event, after ->> 'host' FROM audit_log WHERE object_table = 'webhooks'"
    ).fetchall()
    assert ("policy", "https://hooks.example.com") in events
    with pytest.raises(Conflict, match="webhook"):
        add_webhook(db, "slack", "https://hooks.example.com/hidden")
    WebhooksRepository(db).remove(webhook="slack")
    with pytest.raises(NotFound, match="there is no webhook slack"):
        WebhooksRepository(db).remove(webhook="slack")
    assert conn.execute("SELECT count(*) FROM webhook_endpoints").fetchone() == (1,)


def test_no_answer_is_said_without_the_address(db: Database, endpoint: Endpoint) -> None:
    add_webhook(db, "hook", endpoint.url, allow_private=True)
    assert send_test(db, "hook").is_accepted
    [(headers, body)] = endpoint.received
    assert json.loads(body)["type"] == "mlops_ledger.webhook.test"
    assert headers["webhook-id"] == "test/0"
    for number, (url, problem) in enumerate(
        {
            "https://nowhere.invalid/": "the host name cannot be resolved",
            "http://127.0.0.1:1/": "no connection: Connection refused",
            endpoint.url.replace("http", "https"): "no TLS connection",
        }.items()
    ):
        add_webhook(db, f"hook{number}", url, allow_private=True)
        with pytest.raises(Undeliverable, match=f"^{problem}"):
            send_test(db, f"hook{number}")
    with pytest.raises(NotFound):
        send_test(db, "none")
    with pytest.raises(NotFound):
        deliver(db, webhook="none")
