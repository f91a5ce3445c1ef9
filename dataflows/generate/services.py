"""The shop whose logs are generated: seven services of an imaginary Korean e-commerce platform."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from dataflows.generate import layouts
from dataflows.generate.pools import uuid_of

NAMESPACE = "shop"

_POD_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes draws pod suffixes from these (k8s.io/apimachinery/pkg/util/rand): no vowels, no look-alike digits."""

_PODS_PER_RELEASE = 3
_NODES = ("ip-10-20-1-17", "ip-10-20-1-88", "ip-10-20-2-41", "ip-10-20-3-9")
_REGION = "ap-northeast-2.compute.internal"


@dataclass(frozen=True, slots=True)
class Service:
    """One deployment and how it logs."""

    name: str
    language: Literal["java", "python"]
    layout: layouts.Layout
    stream: Literal["stdout", "stderr"]
    threads: str
    """Template of a thread name; `{}` becomes a number."""
    versions: tuple[str, str]
    """Before and after the rollout."""
    rollout_at: int
    """Index of the first record of the run that the new version may write."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of one release; it has one container, named after the service."""

    service: Service
    version: str
    name: str
    node: str
    pod_id: str
    container_id: str
    """64 hex digits, as containerd names containers."""

    @property
    def image(self) -> str:
        """Image reference with its tag."""
        return f"registry.moamall.example/{NAMESPACE}/{self.service.name}:{self.version}"


SERVICES: tuple[Service, ...] = (
    Service(
        name="gateway",
        language="java",
        layout=layouts.logstash,
        stream="stdout",
        threads="reactor-http-epoll-{}",
        versions=("3.8.2", "3.9.0"),
        rollout_at=1_000,
    ),
    Service(
        name="checkout",
        language="java",
        layout=layouts.spring_boot,
        stream="stdout",
        threads="http-nio-8080-exec-{}",
        versions=("2.14.3", "2.14.4"),
        rollout_at=6_000,
    ),
    Service(
        name="payment",
        language="java",
        layout=layouts.log4j_fields,
        stream="stdout",
        threads="http-nio-8080-exec-{}",
        versions=("5.2.0", "5.3.0"),
        rollout_at=9_000,
    ),
    Service(
        name="inventory",
        language="java",
        layout=layouts.logback,
        stream="stdout",
        threads="http-nio-8080-exec-{}",
        versions=("1.27.1", "1.28.0"),
        rollout_at=12_000,
    ),
    Service(
        name="catalog",
        language="python",
        layout=layouts.structlog,
        stream="stdout",
        threads="AnyIO worker thread {}",
        versions=("4.0.6", "4.1.0"),
        rollout_at=400,
    ),
    Service(
        name="notification",
        language="python",
        layout=layouts.python_logging,
        stream="stderr",
        threads="asyncio_{}",
        versions=("0.19.4", "0.20.0"),
        rollout_at=15_000,
    ),
    Service(
        name="auth",
        language="python",
        layout=layouts.python_fields,
        stream="stderr",
        threads="AnyIO worker thread {}",
        versions=("7.1.5", "7.1.6"),
        rollout_at=18_000,
    ),
)


def pods_of(service: Service, rng: Random) -> tuple[tuple[Pod, ...], tuple[Pod, ...]]:
    """The pods of the old and of the new release. The same state of `rng` gives the same pods."""
    before, after = service.versions
    return _release(service, before, rng), _release(service, after, rng)


def _release(service: Service, version: str, rng: Random) -> tuple[Pod, ...]:
    replica_set = _suffix(rng, 10)
    return tuple(
        Pod(
            service=service,
            version=version,
            name=f"{service.name}-{replica_set}-{_suffix(rng, 5)}",
            node=f"{node}.{_REGION}",
            pod_id=uuid_of(rng.getrandbits(128)),
            container_id=f"{rng.getrandbits(256):064x}",
        )
        for node in rng.sample(_NODES, _PODS_PER_RELEASE)
    )


def _suffix(rng: Random, length: int) -> str:
    return "".join(rng.choices(_POD_ALPHABET, k=length))
