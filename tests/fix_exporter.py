"""What an exporter process serves, as Prometheus reads it."""

from __future__ import annotations

from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

# A sample's labels and value, by the name of the sample.
Samples = dict[str, list[tuple[dict[str, str], float]]]


class Scraped:
    """An exporter process and the address that it printed."""

    def __init__(self, url: str) -> None:
        self.url = url

    def text(self) -> str:
        with urlopen(self.url, timeout=20) as answer:
            return str(answer.read().decode())

    def samples(self) -> Samples:
        found: Samples = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                name = sample.name.removeprefix("mlops_ledger_")
                found.setdefault(name, []).append((dict(sample.labels), sample.value))
        return found

    def full(self) -> Samples:
        """Scrape until every query has answered: a busy machine may be late."""
        for _ in range(100):
            found = self.samples()
            if all(value == 1 for _, value in found["query_success"]):
                return found
        raise AssertionError(found["query_success"])
