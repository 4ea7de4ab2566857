"""Makes the OpenAPI of a service say what it really answers."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from .problems import Problem

# What FastAPI answers to a request that does not validate, unless a handler answers.
_REPLACED: Final = ("HTTPValidationError", "ValidationError")
_REFERENCE: Final = "#/components/schemas/"


def describe_answers(app: FastAPI) -> None:
    """Describe the answers to wrong requests, and durations as ISO 8601."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _corrected(describe())
        return app.openapi_schema

    # FastAPI documents this assignment as the way to change what it describes.
    app.openapi = openapi  # type: ignore[method-assign]


def _corrected(schema: dict[str, Any]) -> dict[str, Any]:
    _correct(schema)
    for operations in schema.get("paths", {}).values():
        for operation in operations.values():
            if "requestBody" in operation:
                operation["responses"].setdefault("400", {"description": "No readable body"})
    shapes = schema.get("components", {}).get("schemas", {})
    if any(shapes.pop(name, None) for name in _REPLACED):
        problem = Problem.model_json_schema(ref_template=_REFERENCE + "{model}")
        shapes |= {**problem.pop("$defs"), "Problem": problem}
    return schema


def _correct(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("$ref") == _REFERENCE + _REPLACED[0]:
            node["$ref"] = _REFERENCE + "Problem"
        # The format is that of RFC 3339, which knows no fractions of a second.
        if node.get("format") == "duration":
            del node["format"]
            node.setdefault("description", "An ISO 8601 duration.")
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            _correct(each)
