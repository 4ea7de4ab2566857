"""What Airflow 2.10 and Airflow 3 have under different names."""

from __future__ import annotations

try:
    from airflow.sdk import (
        Asset,
        BaseHook,
        BaseOperator,
        BaseSensorOperator,
        Connection,
        PokeReturnValue,
    )
    from airflow.sdk.bases.decorator import (
        DecoratedOperator,
        TaskDecorator,
        task_decorator_factory,
    )
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
except ImportError:
    from airflow.datasets import Dataset as Asset
    from airflow.decorators.base import DecoratedOperator, TaskDecorator, task_decorator_factory
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator, Connection
    from airflow.sensors.base import BaseSensorOperator, PokeReturnValue

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowSkipException",
    "Asset",
    "BaseHook",
    "BaseOperator",
    "BaseSensorOperator",
    "Connection",
    "DecoratedOperator",
    "PokeReturnValue",
    "TaskDecorator",
    "get_connection_async",
    "task_decorator_factory",
]


async def get_connection_async(conn_id: str) -> Connection:
    """Return a connection from within an event loop, as a trigger has to."""
    if hasattr(BaseHook, "aget_connection"):
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    return await sync_to_async(BaseHook.get_connection)(conn_id)
