"""What every run of the main job begins with, for a process that runs are forked from to import."""

import mlops_ledger.contrib.ui
from examples.flight_delays import replay, report
from examples.flight_delays.data import load_flights

__all__ = ["mlops_ledger", "replay", "report"]

load_flights()
