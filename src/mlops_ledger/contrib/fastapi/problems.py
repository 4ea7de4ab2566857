"""What a request that failed is answered with."""

from __future__ import annotations

from pydantic import BaseModel


class FieldProblem(BaseModel):
    """A field that was refused, and why."""

    field: str
    problem: str


class Problem(BaseModel):
    """Why a request failed; `fields` names those that were refused."""

    error: str
    detail: str
    fields: list[FieldProblem] = []
