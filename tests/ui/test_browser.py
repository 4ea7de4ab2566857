"""The pages in a real browser: nothing in its console, nothing from elsewhere, accessible."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn
from fix_ui import fill, pages
from starlette.testclient import TestClient

from mlops_ledger import (
    AlertsRepository,
    BaselinesRepository,
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    SummariesRepository,
)
from tools.scratch import scratch_database

pytest.importorskip("axe_playwright_python", reason="needs the extra [test]")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from starlette.types import ASGIApp

from mlops_ledger.contrib.ui import Access, create_app, networks, read_tokens

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        # Root has no sandbox.
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve the pages at an address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module", params=["filled", "empty"])
def served(
    request: pytest.FixtureRequest, server_dsn: str, template: str
) -> Iterator[tuple[str, list[str]]]:
    """The address of the pages of a ledger, with buttons, and one page of each kind."""
    with (
        scratch_database(server_dsn, template) as dsn,
        Database(Settings(conninfo=dsn)) as db,
    ):
        if request.param == "filled":
            fill(db)
        access = Access(db, user_header="X-User", proxies=networks(["127.0.0.1", "::1"]))
        app = create_app(db, access=access)
        client = TestClient(app, base_url="http://localhost")
        paths = [*pages(client), "/nothing", "/model?name=unknown"]
        with serving(app) as address:
            yield address, paths


# Labels of an axis that are drawn over each other.
OVERLAPS = """() => [...document.querySelectorAll("svg.chart")].flatMap(chart => {
    const boxes = [...chart.querySelectorAll("text.tick")]
        .map(each => each.getBoundingClientRect()).filter(box => box.width);
    return boxes.flatMap((a, n) => boxes.slice(n + 1)
        .filter(b => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
        .map(b => [a.left, a.right, b.left, b.right]));
})"""

# Numbers that a narrow screen may break.
BROKEN = """() => [...document.querySelectorAll(".num")].map(
    each => getComputedStyle(each).whiteSpace).filter(each => each != "nowrap")"""

# The elements by what decides their colours: the tags and classes of all that they stand in.
KINDS = """() => [...document.querySelectorAll("body *")].map(each => {
    const names = [];
    for (let at = each; at; at = at.parentElement)
        names.push(at.tagName, at.getAttribute("class"), at.getAttribute("aria-current"));
    return names.join(" ");
})"""


@pytest.mark.parametrize(
    ("width", "scheme", "audited"),
    [(375, "dark", True), (760, "light", False), (1280, "light", True)],
)
def test_every_page_in_a_browser(
    browser: Browser, served: tuple[str, list[str]], width: int, scheme: Any, audited: bool
) -> None:
    address, paths = served
    # The checker is a script, which the pages do not allow: it alone passes by their policy.
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        bypass_csp=True,
        extra_http_headers={"X-User": "ana"},
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    judged: set[str] = set()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    for path in paths:
        page.goto(address + path)
        # A page is as wide as the screen; only tables scroll within it.
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(OVERLAPS) == [], path
        assert page.evaluate(BROKEN) == [], path
        if not audited:
            continue
        # Contrasts take most of the time: those of each kind of element are judged on one page.
        kinds = set(page.evaluate(KINDS))
        contrast = {"color-contrast": {"enabled": not kinds <= judged}}
        judged |= kinds
        options = {"resultTypes": ["violations"], "rules": contrast}
        violations = Axe().run(page, options=options).response["violations"]
        serious = [each["id"] for each in violations if each["impact"] in {"serious", "critical"}]
        assert serious == [], path
    # What a browser says of an answer that is not 200 is no fault of the page.
    assert [text for text in said if "status of 404" not in text] == []
    assert {url for url in asked if not url.startswith(address)} == set()
    context.close()


def test_who_signs_in_hears_no_complaint(browser: Browser, dsn: str) -> None:
    with Database(Settings(conninfo=dsn)) as db:
        access = Access(db, tokens=read_tokens("ana a-token-that-nobody-can-guess"))
        with serving(create_app(db, access=access)) as address:
            page = browser.new_page()
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.goto(f"{address}/sign-in")
            page.fill("[name=token]", "a-token-that-nobody-can-guess")
            page.keyboard.press("Enter")
            page.wait_for_url("**/approvals")
            assert said == []
            page.close()


# Tables that reach over the edge of what holds them.
CUT = """() => [...document.querySelectorAll(".scroll")]
    .filter(each => each.scrollWidth > each.clientWidth)
    .map(each => [each.getAttribute("aria-label"), each.scrollWidth, each.clientWidth])"""


def test_paper_shows_all_of_a_table(browser: Browser, served: tuple[str, list[str]]) -> None:
    address, paths = served
    # A4 between the margins that a browser leaves.
    page = browser.new_page(viewport={"width": 718, "height": 1000})
    page.emulate_media(media="print")
    cut: list[Any] = []
    for path in paths:
        page.goto(address + path)
        cut += [(path, each) for each in page.evaluate(CUT)]
        assert page.locator("button:visible, input:visible").count() == 0, path
    assert cut == []
    page.close()


LISTS = ("/", "/quality", "/alerts", "/predictions")
# How wide the cells of a table are that name something, and whether it scrolls.
NAMED = """() => [...document.querySelectorAll(".scroll")].map(table => [
    table.getAttribute("aria-label"), table.scrollWidth > table.clientWidth,
    Math.max(0, ...[...table.querySelectorAll("th[scope=row], td.of")]
        .map(each => each.getBoundingClientRect().width))])"""


def test_long_names_leave_room_for_the_rest(
    browser: Browser, server_dsn: str, template: str
) -> None:
    model = "customer_lifetime_value_of_the_north_american_retail_segment_" + "x" * 18
    feature = "number_of_support_tickets_of_any_household_member_" + "y" * 30
    version = {"model_name": model, "model_version": "2026.11.1-release-candidate+build.20261129"}
    with (
        scratch_database(server_dsn, template) as dsn,
        Database(Settings(conninfo=dsn)) as db,
    ):
        models = ModelVersionRepository(db)
        models.insert(**version, feature_names=[feature], metrics={feature: 1.0})
        models.promote(**version)
        AlertsRepository(db).raise_alert(
            alert_type="t", title=feature, severity="warning", model_name=model
        )
        PredictionsRepository(db).insert(**version, features=[1.0], predicted_label=feature)
        BaselinesRepository(db).register(**version, data={feature: [0.5, 1.5] * 20})
        SummariesRepository(db).fold()
        query = urlencode({"model": model, "version": version["model_version"]})
        with serving(create_app(db)) as address:
            for width in (375, 1280):
                page = browser.new_page(viewport={"width": width, "height": 900})
                for path in (*LISTS, f"/version?{query}"):
                    page.goto(address + path)
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                    for table, scrolls, widest in page.evaluate(NAMED):
                        # At least the next column is to be seen beside a name.
                        assert widest < 0.75 * width or not scrolls, (path, table)
                        assert width < 1000 or not scrolls, (path, table)
                page.close()


def test_buttons_work_in_a_browser(browser: Browser, server_dsn: str, template: str) -> None:
    token = "a-token-that-nobody-can-guess"
    with (
        scratch_database(server_dsn, template) as dsn,
        Database(Settings(conninfo=dsn)) as db,
    ):
        AlertsRepository(db).raise_alert(alert_type="t", title="Too slow", severity="warning")
        access = Access(db, tokens=read_tokens(f"ana {token}"))
        with serving(create_app(db, access=access)) as address:
            page = browser.new_page()
            page.goto(f"{address}/sign-in")
            page.get_by_label("Token").fill(token)
            page.get_by_role("main").get_by_role("button", name="Sign in").click()
            page.get_by_role("link", name="Alerts").click()
            page.get_by_role("link", name="Too slow").click()
            page.get_by_label("Notes").fill("on it")
            page.get_by_role("button", name="Acknowledge").click()
            page.get_by_role("button", name="Resolve").click()
            page.get_by_text("resolved", exact=True).wait_for()
            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("link", name="Sign in").wait_for()
            page.close()
        [alert] = AlertsRepository(db).list_alerts()
        assert (alert.status, alert.acknowledged_by, alert.resolved_by) == (
            "resolved",
            "ana",
            "ana",
        )
