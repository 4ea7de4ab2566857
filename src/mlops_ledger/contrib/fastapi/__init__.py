"""The ledger in a FastAPI service: lifespan, dependencies, routes, exception handlers."""

from __future__ import annotations

try:
    import fastapi as _fastapi  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "FastAPI is missing: pip install 'mlops-ledger[fastapi]'", name=error.name
    ) from None

from .analytics import analytics_router
from .dependencies import database, prediction_logger
from .errors import add_exception_handlers, problems
from .health import health_router
from .live import LiveModel, live_model, live_prediction_logger
from .state import Ledger, ledger_lifespan

__all__ = [
    "Ledger",
    "LiveModel",
    "add_exception_handlers",
    "analytics_router",
    "database",
    "health_router",
    "ledger_lifespan",
    "live_model",
    "live_prediction_logger",
    "prediction_logger",
    "problems",
]
