"""The buttons of `serve --write`: what they do, and every way around who one is, refused."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import UUID

import pytest

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    AuditRepository,
    Database,
    Settings,
)
from mlops_ledger.errors import ConfigError, LedgerError

pytest.importorskip("jinja2", reason="needs the extra [ui]")

from starlette.testclient import TestClient

from mlops_ledger.contrib.ui import Access, create_app, networks, read_tokens

TOKEN = "a-token-that-nobody-can-guess"
SITE = "http://localhost"
PROXY = "10.1.2.3"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def tokens(connected: tuple[Database, Database]) -> TestClient:
    """A browser of pages with buttons for whoever has a token."""
    reader, approver = connected
    access = Access(approver, tokens=read_tokens(f"ana lind {TOKEN}\nbo {TOKEN}-2\n"))
    return TestClient(create_app(reader, access=access), base_url=SITE, follow_redirects=False)


def by_proxy(
    connected: tuple[Database, Database], *, peer: str = PROXY, user: str | None = "ana"
) -> TestClient:
    """Return a browser whose user a proxy names, connected from `peer`."""
    reader, approver = connected
    access = Access(approver, user_header="X-Auth-User", proxies=networks(["10.1.2.0/24"]))
    return TestClient(
        create_app(reader, access=access),
        base_url=SITE,
        headers={} if user is None else {"X-Auth-User": user.encode()},  # type: ignore[dict-item]
        client=(peer, 40_000),
        follow_redirects=False,
    )


def form_token(text: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def sign_in(client: TestClient, token: str = TOKEN) -> Any:
    text = client.get("/sign-in").text
    return post(client, "/sign-in", {"form_token": form_token(text), "token": token})


def post(client: TestClient, path: str, form: dict[str, str], **headers: str) -> Any:
    return client.post(path, data=form, headers={"origin": SITE, **headers})


def press(client: TestClient, page: str, button: str, **form: str) -> Any:
    """Press a button of a page as a browser does."""
    text = client.get(page).text
    id = page.partition("id=")[2]
    return post(client, button, {"id": id, "form_token": form_token(text), **form})


def status_of(owner: Database, action: UUID) -> tuple[str, str | None]:
    found = AgentActionsRepository(owner).get(id=action)
    assert found is not None
    return found.status, found.reviewed_by


def test_whoever_has_a_token_approves_under_its_name(
    owner: Database, tokens: TestClient, action: UUID, prefix: str
) -> None:
    page = f"/action?id={action}"
    assert "Approve" not in tokens.get(page).text
    answer = sign_in(tokens)
    assert (answer.status_code, answer.headers["location"]) == (303, "/approvals")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    # A form names nobody.
    answer = press(tokens, page, "/action/approve", comment="<b>ok</b>", reviewed_by="eve")
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert status_of(owner, action) == ("approved", "ana lind")
    text = tokens.get(page).text
    assert "&lt;b&gt;ok&lt;/b&gt;" in text
    assert "Approve<" not in text
    entries = AuditRepository(owner).list_entries(object_id=str(action), limit=1)
    assert (entries[0].actor, entries[0].db_role) == ("ana lind", f"{prefix}approver")
    # Another review comes too late, and is told whose was first.
    answer = post(tokens, "/action/reject", {"id": str(action), "form_token": form_token(text)})
    assert answer.status_code == 409
    assert "already approved" in answer.text


def test_whom_the_proxy_names_resolves_alerts_and_rejects(
    owner: Database, connected: tuple[Database, Database], action: UUID, alert: UUID
) -> None:
    client = by_proxy(connected, user="Åsa")
    assert press(client, f"/alert?id={alert}", "/alert/acknowledge").status_code == 303
    assert press(client, f"/alert?id={alert}", "/alert/resolve", comment="done").status_code == 303
    found = AlertsRepository(owner).get(id=alert)
    assert found is not None
    assert (found.status, found.acknowledged_by, found.resolved_by) == ("resolved", "Åsa", "Åsa")
    assert press(client, f"/action?id={action}", "/action/reject").status_code == 303
    assert status_of(owner, action) == ("rejected", "Åsa")
    assert client.get("/sign-in").status_code == 404


def test_nobody_approves_what_they_have_asked_for(
    owner: Database, connected: tuple[Database, Database], action: UUID
) -> None:
    id = AgentActionsRepository(owner).insert(
        action_type="promote", risk_level="high", requested_by="ana", model_name="m"
    )
    client = by_proxy(connected)
    page = client.get(f"/action?id={id}").text
    assert "somebody else reviews" in page
    # The page of another action has a form whose token is as good; the database refuses.
    for name in ("ana", "ANA", "\u0430na"):
        client = by_proxy(connected, user=name)
        text = client.get(f"/action?id={action}").text
        answer = post(client, "/action/approve", {"id": str(id), "form_token": form_token(text)})
        assert answer.status_code in {400, 403, 409}, answer.text
    assert status_of(owner, id) == ("pending", None)


FORGED: dict[str, tuple[dict[str, str], dict[str, str], int]] = {
    "no token of the form": ({"form_token": ""}, {}, 403),
    "another's token": ({"form_token": "0" * 64}, {}, 403),
    "another site": ({}, {"origin": "http://evil.example"}, 403),
    "a site like ours": ({}, {"origin": "http://localhost.evil.example"}, 403),
    "another port": ({}, {"origin": "http://localhost:8080"}, 403),
    "a frame without an origin": ({}, {"origin": "null"}, 403),
    "an origin that is no address": ({}, {"origin": "http://["}, 403),
    "no origin": ({}, {"origin": ""}, 403),
    "JSON": ({}, {"content-type": "application/json"}, 415),
    "plain text, which other sites may send": ({}, {"content-type": "text/plain"}, 415),
    "another name of the server": ({}, {"host": "evil.example"}, 400),
    "no id": ({"id": ""}, {}, 400),
    "an id that is none": ({"id": "' OR 1=1"}, {}, 400),
    "an unknown id": ({"id": "00000000-0000-0000-0000-000000000000"}, {}, 404),
    "a comment beyond any form's": ({"comment": "x" * 501}, {}, 400),
    "a form that is too large": ({"comment": "x" * 20_000}, {}, 413),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_requests_are_refused(
    owner: Database, tokens: TestClient, action: UUID, case: str
) -> None:
    sign_in(tokens)
    token = form_token(tokens.get("/").text)
    form, headers, status = FORGED[case]
    answer = post(
        tokens, "/action/approve", {"id": str(action), "form_token": token, **form}, **headers
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert status_of(owner, action) == ("pending", None)


def test_a_request_without_any_origin_must_come_from_the_same_site(
    owner: Database, tokens: TestClient, action: UUID
) -> None:
    sign_in(tokens)
    form = {"id": str(action), "form_token": form_token(tokens.get("/").text)}
    for site, status in (("cross-site", 403), ("none", 403), ("same-origin", 303)):
        answer = tokens.post("/action/approve", data=form, headers={"sec-fetch-site": site})
        assert answer.status_code == status
    assert tokens.post("/action/approve", data=form).status_code == 403
    assert status_of(owner, action) == ("approved", "ana lind")


def test_a_form_of_one_session_is_none_of_another(
    owner: Database, connected: tuple[Database, Database], action: UUID
) -> None:
    reader, approver = connected
    access = Access(approver, tokens=read_tokens(f"ana {TOKEN}\nbo {TOKEN}-2"))
    ana, bo = (
        TestClient(create_app(reader, access=access), base_url=SITE, follow_redirects=False)
        for _ in range(2)
    )
    assert sign_in(ana).status_code == sign_in(bo, f"{TOKEN}-2").status_code == 303
    stolen = form_token(ana.get("/").text)
    answer = post(bo, "/action/approve", {"id": str(action), "form_token": stolen})
    assert answer.status_code == 403
    # Signed out, the form of before is worth nothing.
    assert post(ana, "/sign-out", {"form_token": stolen}).status_code == 303
    answer = post(ana, "/action/approve", {"id": str(action), "form_token": stolen})
    assert answer.status_code == 403
    assert status_of(owner, action) == ("pending", None)


@pytest.mark.parametrize(
    "cookie", ["x", "a.9999999999.YQ.", "a.9999999999.YW5h." + "0" * 64, "a.b.c.d", "…", "." * 50]
)
def test_a_forged_cookie_is_nobodys(
    owner: Database, connected: tuple[Database, Database], action: UUID, cookie: str
) -> None:
    reader, approver = connected
    access = Access(approver, tokens=read_tokens(f"ana {TOKEN}"))
    client = TestClient(create_app(reader, access=access), base_url=SITE)
    headers = {"cookie": f"mlops_ledger={cookie}".encode(), "origin": SITE}
    assert client.get("/", headers=headers).status_code == 200  # type: ignore[arg-type]
    form = {"id": str(action), "form_token": "0" * 64}
    answer = client.post("/action/approve", data=form, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 403
    assert status_of(owner, action) == ("pending", None)


@pytest.mark.parametrize(
    ("path", "status"), [("/no/such/page", 404), ("/action?id=x", 400), ("/audit", 403)]
)
def test_a_page_about_a_problem_says_who_is_signed_in(
    connected: tuple[Database, Database], tokens: TestClient, path: str, status: int
) -> None:
    answer = tokens.get(path)
    assert answer.status_code == status
    assert '<a href="/sign-in">' in answer.text
    sign_in(tokens)
    answer = tokens.get(path)
    assert answer.status_code == status
    assert "<span>ana lind</span>" in answer.text
    # The button on it works.
    token = form_token(answer.text)
    assert post(tokens, "/sign-out", {"form_token": token}).status_code == 303
    assert "ana lind" not in tokens.get(path).text
    answer = by_proxy(connected).get(path)
    assert answer.status_code == status
    assert '<span class="visitor">ana</span>' in answer.text
    # Whom a stranger claims to be says nothing.
    assert ">ana<" not in by_proxy(connected, peer="10.1.3.1").get(path).text


def test_a_session_ends(tokens: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(tokens)
    assert "ana lind" in tokens.get("/").text
    later = time.time() + 13 * 3600
    monkeypatch.setattr("mlops_ledger.contrib.ui.access.time", lambda: later)
    assert "ana lind" not in tokens.get("/").text


def test_a_wrong_token_is_refused(tokens: TestClient) -> None:
    for wrong in ("", "ana lind", TOKEN[:-1], f"{TOKEN} ", f"ana lind {TOKEN}"):
        assert sign_in(tokens, wrong).status_code == 403
    assert "Sign in" in tokens.get("/").text


@pytest.mark.parametrize("peer", ["10.1.3.1", "127.0.0.1", "::1", "testclient"])
def test_a_header_that_the_proxy_has_not_sent_is_refused(
    connected: tuple[Database, Database], action: UUID, owner: Database, peer: str
) -> None:
    client = by_proxy(connected, peer=peer)
    assert client.get("/").status_code == 403
    headers = {"x-forwarded-for": PROXY, "forwarded": f"for={PROXY}"}
    assert client.get("/", headers=headers).status_code == 403
    answer = post(client, "/action/approve", {"id": str(action), "form_token": "x"}, **headers)
    assert answer.status_code == 403
    # Without it one may look, and press nothing.
    client = by_proxy(connected, peer=peer, user=None)
    text = client.get(f"/action?id={action}").text
    assert "form_token" not in text
    assert status_of(owner, action) == ("pending", None)


def test_a_header_that_comes_twice_or_names_nobody_is_refused(
    connected: tuple[Database, Database],
) -> None:
    client = by_proxy(connected, user=None)
    twice = [("X-Auth-User", "ana"), ("X-Auth-User", "eve")]
    assert client.get("/", headers=twice).status_code == 403  # type: ignore[arg-type]
    for name in (" ", "a\u202eb", "x" * 256):
        headers = {"X-Auth-User": name.encode()}
        assert client.get("/", headers=headers).status_code == 403  # type: ignore[arg-type]


def test_without_write_nothing_can_be_pressed(
    connected: tuple[Database, Database], action: UUID
) -> None:
    client = TestClient(create_app(connected[0]), base_url=SITE)
    for path in ("/action/approve", "/action/reject", "/alert/resolve", "/sign-in", "/sign-out"):
        assert post(client, path, {"id": str(action)}).status_code == 404
    assert "form_token" not in client.get(f"/action?id={action}").text


def test_the_session_of_the_pages_cannot_write(owner: Database) -> None:
    # Whatever the role may do.
    settings = Settings(conninfo=owner.settings.conninfo, read_only=True)
    with Database(settings) as db, pytest.raises(LedgerError, match="read-only"):
        AlertsRepository(db).raise_alert(alert_type="t", title="t", severity="info")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no token"),
        ("ana", "line 1 is not"),
        ("# people\nana short", "line 2: the token is shorter"),
        (f"ana {TOKEN}\nbo {TOKEN}", "line 2 repeats"),
    ],
)
def test_tokens_that_are_none_are_refused_and_never_shown(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_tokens(text)
    assert TOKEN not in str(caught.value)
    with pytest.raises(ConfigError, match="address or a network"):
        networks(["10.0.0.0/8", "proxy"])


def test_names_are_shown_as_text(connected: tuple[Database, Database]) -> None:
    client = by_proxy(connected, user="<img src=x onerror=alert(1)>")
    text = client.get("/").text
    assert "<img" not in text
    assert "&lt;img" in text
