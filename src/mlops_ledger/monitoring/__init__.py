"""The monitoring job: measures every model in production over a window and judges its monitors."""

from .job import MONITORED, ModelResult, run_monitoring

__all__ = ["MONITORED", "ModelResult", "run_monitoring"]
