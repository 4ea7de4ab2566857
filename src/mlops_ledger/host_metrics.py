"""Measures this host and a process of it; needs psutil, and for NVIDIA's processors pynvml."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeAlias

from .checks import values
from .errors import InvalidValue, LedgerError
from .ids import new_id

# Name, value, unit and attributes.
Measured: TypeAlias = tuple[str, float, str | None, dict[str, Any]]

# Percentages of processor time need two looks at it.
_FIRST_LOOK = 0.1


class HostMetrics:
    """Reads what SystemMetricsRepository stores: of this host, and of this process or another.

    Raises LedgerError without psutil, InvalidValue for a disk or a process that is not there.
    """

    def __init__(self, disks: Sequence[str] = ("/",), pid: int | None = None) -> None:
        try:
            import psutil
        except ImportError:
            raise LedgerError(
                'system metrics need psutil: pip install "mlops-ledger[metrics]"'
            ) from None
        self._psutil = psutil
        self._host = socket.gethostname()
        self.disks = values.texts("disks", disks)
        try:
            self._process = psutil.Process(pid and values.integer(32)("pid", pid))
        except (psutil.NoSuchProcess, ValueError):
            raise InvalidValue("pid", "there is no such process") from None
        for disk in self.disks:
            try:
                psutil.disk_usage(disk)
            except (OSError, ValueError):
                raise InvalidValue("disks", "there is no such disk or folder") from None
        self._has_looked = False
        self._gpus = _gpus()

    def read(self) -> list[dict[str, Any]]:
        """Return what is measured now as rows; what cannot be read is left out."""
        if not self._has_looked:
            self._of_process()
        percent = self._psutil.cpu_percent(None if self._has_looked else _FIRST_LOOK)
        self._has_looked = True
        at = datetime.now(UTC)
        measured = [("cpu_percent", percent, "percent", {}), *self._load(), *self._memory()]
        measured += [*self._disks(), *self._traffic(), *self._of_process(), *self._of_gpus()]
        return [
            {
                # Made here, so that a value that is sent again is stored once.
                "id": new_id(at),
                "timestamp": at,
                "host": self._host,
                "metric_name": name,
                "metric_value": value,
                "unit": unit,
                "attributes": attributes,
            }
            for name, value, unit, attributes in measured
        ]

    def _load(self) -> Iterator[Measured]:
        yield "cpu_count", self._psutil.cpu_count(), None, {}
        for minutes, load in zip((1, 5, 15), self._psutil.getloadavg(), strict=True):
            yield f"load_{minutes}m", load, None, {}

    def _memory(self) -> Iterator[Measured]:
        memory, swap = self._psutil.virtual_memory(), self._psutil.swap_memory()
        yield "memory_percent", memory.percent, "percent", {}
        yield "memory_total_bytes", memory.total, "bytes", {}
        yield "memory_available_bytes", memory.available, "bytes", {}
        yield "swap_used_bytes", swap.used, "bytes", {}

    def _disks(self) -> Iterator[Measured]:
        for disk in self.disks:
            # It may have been unmounted since.
            with suppress(OSError):
                usage = self._psutil.disk_usage(disk)
                yield "disk_percent", usage.percent, "percent", {"path": disk}
                yield "disk_total_bytes", usage.total, "bytes", {"path": disk}
                yield "disk_free_bytes", usage.free, "bytes", {"path": disk}

    def _traffic(self) -> Iterator[Measured]:
        # Either is None in a container that hides them.
        if disks := self._psutil.disk_io_counters():
            yield "disk_read_bytes_total", disks.read_bytes, "bytes", {}
            yield "disk_written_bytes_total", disks.write_bytes, "bytes", {}
        if network := self._psutil.net_io_counters():
            yield "network_received_bytes_total", network.bytes_recv, "bytes", {}
            yield "network_sent_bytes_total", network.bytes_sent, "bytes", {}

    def _of_process(self) -> list[Measured]:
        process = self._process
        try:
            with process.oneshot():
                attributes = {"pid": process.pid, "process": process.name()}
                return [
                    ("process_cpu_percent", process.cpu_percent(), "percent", attributes),
                    (
                        "process_resident_memory_bytes",
                        process.memory_info().rss,
                        "bytes",
                        attributes,
                    ),
                    ("process_threads", process.num_threads(), None, attributes),
                    ("process_open_fds", process.num_fds(), None, attributes),
                ]
        except (self._psutil.Error, OSError):  # it has ended, or is somebody else's
            return []

    def _of_gpus(self) -> Iterator[Measured]:
        for number, (nvml, gpu) in enumerate(self._gpus):
            with suppress(nvml.NVMLError):
                attributes = {"gpu": number, "name": nvml.nvmlDeviceGetName(gpu)}
                used = nvml.nvmlDeviceGetMemoryInfo(gpu)
                busy = nvml.nvmlDeviceGetUtilizationRates(gpu).gpu
                yield "gpu_percent", busy, "percent", attributes
                yield "gpu_memory_used_bytes", used.used, "bytes", attributes
                yield "gpu_memory_total_bytes", used.total, "bytes", attributes
                celsius = nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)
                yield "gpu_temperature_celsius", celsius, "celsius", attributes


def _gpus() -> list[tuple[Any, Any]]:
    """Return NVIDIA's library with each processor it finds; nothing where there is none."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        return [(pynvml, pynvml.nvmlDeviceGetHandleByIndex(number)) for number in range(count)]
    except pynvml.NVMLError:  # no driver
        return []
