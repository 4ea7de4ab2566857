"""The pages in a real browser: nothing in its console, nothing from elsewhere, accessible."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from fix_ui import fill, pages
from starlette.testclient import TestClient

from mlops_ledger import Database, Settings
from tools.scratch import scratch_database

pytest.importorskip("axe_playwright_python", reason="needs the extra [test]")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from mlops_ledger.contrib.ui import create_app

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


@pytest.fixture(scope="module")
def served(server_dsn: str, template: str) -> Iterator[tuple[str, list[str]]]:
    """The address of the pages, and one of each kind."""
    with (
        scratch_database(server_dsn, template) as dsn,
        Database(Settings(conninfo=dsn)) as db,
    ):
        fill(db)
        app = create_app(db)
        paths = list(pages(TestClient(app, base_url="http://localhost")))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", paths
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")])
def test_every_page_in_a_browser(
    browser: Browser, served: tuple[str, list[str]], width: int, scheme: Any
) -> None:
    address, paths = served
    # The checker is a script, which the pages do not allow: it alone passes by their policy.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    for path in paths:
        page.goto(address + path)
        # A page is as wide as the screen; only tables scroll within it.
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        violations = Axe().run(page).response["violations"]
        serious = [each["id"] for each in violations if each["impact"] in {"serious", "critical"}]
        assert serious == [], path
    assert said == []
    assert {url for url in asked if not url.startswith(address)} == set()
    context.close()
