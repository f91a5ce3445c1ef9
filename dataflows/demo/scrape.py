"""The pipeline's own numbers, read from its metrics page."""

from collections.abc import Iterable, Mapping

import requests
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 2.0

Labels = frozenset[tuple[str, str]]


class Numbers:
    """One reading of the metrics page."""

    def __init__(self, samples: Mapping[tuple[str, Labels], float] | None = None) -> None:
        self._samples = dict(samples or {})

    @classmethod
    def parse(cls, text: str) -> "Numbers":
        """Read the Prometheus text format."""
        return cls(
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
        )

    def total(self, name: str, **labels: str) -> int:
        """Sum of a metric over the labels that are not given; 0 if it has not been counted yet."""
        return round(self.exact(name, **labels))

    def exact(self, name: str, **labels: str) -> float:
        """As `total`, not rounded."""
        wanted = frozenset(labels.items())
        return sum(value for (found, has), value in self._samples.items() if found == name and wanted <= has)

    def most(self, name: str) -> float:
        """The largest value of a metric; 0 if there is none."""
        return max((value for (found, _), value in self._samples.items() if found == name), default=0.0)

    def by(self, name: str, labels: Iterable[str]) -> dict[tuple[str, ...], int]:
        """Non-zero values of a metric by the values of some of its labels."""
        out: dict[tuple[str, ...], int] = {}
        for (found, has), value in self._samples.items():
            if found == name and value:
                key = tuple(dict(has)[label] for label in labels)
                out[key] = out.get(key, 0) + round(value)
        return out


def scrape(url: str) -> Numbers | None:
    """Read the page; None if it does not answer (it needs the interpreter's lock, which a long call may hold)."""
    try:
        answer = requests.get(url, timeout=_TIMEOUT_S)
        answer.raise_for_status()
    except requests.RequestException:
        return None
    return Numbers.parse(answer.text)
