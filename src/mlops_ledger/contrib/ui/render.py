"""Makes HTML of pages: everything that comes from the record is escaped."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import mlops_ledger

from ...statements import load
from . import text
from .access import Visitor
from .query import Page

_FILES: Final = resources.files(__package__)
_LINK: Final = re.compile(r"</?a\b[^>]*>")
# Sections that every page leads to.
_SECTIONS: Final = (
    ("/", "Models"),
    ("/predictions", "Predictions"),
    ("/quality", "Data quality"),
    ("/alerts", "Alerts"),
    ("/approvals", "Approvals"),
    ("/audit", "Audit"),
    ("/ledger", "Ledger"),
)


def render(page: Page, *, path: str, database: str, visitor: Visitor) -> str:
    """Return a page as it is served to somebody."""
    return _html(
        page, path=path, database=database, sections=_SECTIONS, style=None, visitor=visitor
    )


def render_alone(page: Page, *, database: str) -> str:
    """Return a page that needs nothing else: its style is in it, and no link leads out."""
    # The one style is allowed by what it is, so that no other gets in.
    digest = b64encode(sha256(style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    html = _html(
        page,
        path="",
        database=database,
        sections=(),
        style=Markup(style()),
        policy=policy,
        visitor=Visitor(),
    )
    # What it would lead to is not there. All text is escaped, so these are our own tags.
    return _LINK.sub("", html)


@cache
def style() -> str:
    """Return the style sheet."""
    return _FILES.joinpath("static", "style.css").read_text("utf-8")


def _html(page: Page, **around: Any) -> str:
    return (
        _environment()
        .get_template(page.template)
        .render(
            **page.shown,
            **around,
            title=page.title,
            release=mlops_ledger.__version__,
            queries=[(name, _statement(name)) for name in page.statements],
        )
    )


def _statement(name: str) -> str:
    file, _, statement = name.partition(".")
    return load(file)[statement].text.decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        document=text.document,
        exact=text.exact,
        number=text.number,
        parted=text.parted,
        percent=text.percent,
        size=text.size,
        when=text.timestamp,
    )
    environment.globals["link"] = text.link
    return environment
