"""Values that fill the templates: drawn by Faker once, from the seed, so that a record costs no call to Faker."""

import base64
import json
from collections.abc import Callable
from random import Random

SHARED = frozenset({"trace_id", "request_id", "order", "tx", "sku", "user", "email", "ip"})
"""What the services that handle one request have in common."""

PLANTED = frozenset({"bearer", "password", "client_secret", "card", "rrn", "email", "ip", "phone"})
"""Secrets and personal values: they must not leave the platform."""

_POOL_SIZE = 400
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_PRODUCTS = (
    "무선 이어폰",
    "캠핑 의자",
    "기계식 키보드",
    "유기농 귤 5kg",
    "Rain Jacket",
    "Ceramic Mug",
    "러닝화",
    "전기 포트",
)

Draw = Callable[[], str]


def draws(seed: int, rng: Random) -> dict[str, Draw]:
    """One function per template key. The same seed, state of `rng` and release of Faker give the same values.

    Raises:
        ImportError: Faker is not installed; the message says how to install it.
    """
    try:
        from faker import Faker  # noqa: PLC0415 -- an optional extra: only who generates logs needs it
    except ImportError as err:
        message = "generating logs needs the package 'Faker': run: pip install 'cali[demo]'"
        raise ImportError(message) from err
    english, korean = Faker("en_US"), Faker("ko_KR")
    english.seed_instance(seed)
    korean.seed_instance(seed)

    def pool(make: Callable[[], object], size: int = _POOL_SIZE) -> Draw:
        values = [str(make()) for _ in range(size)]
        return lambda: rng.choice(values)

    def number(low: int, high: int) -> Draw:
        return lambda: str(rng.randint(low, high))

    def hexadecimal(digits: int) -> Draw:
        return lambda: f"{rng.getrandbits(4 * digits):0{digits}x}"

    return {
        "trace_id": hexadecimal(32),
        "span_id": hexadecimal(16),
        "request_id": lambda: uuid_of(rng.getrandbits(128)),
        "order": lambda: f"ORD-{rng.randint(10_000_000, 99_999_999)}",
        "tx": lambda: f"TX{rng.getrandbits(48):012X}",
        "sku": lambda: f"SKU-{rng.randint(100_000, 999_999)}",
        "user": pool(english.user_name),
        "name": pool(korean.name),
        "email": pool(english.ascii_safe_email),
        "ip": pool(english.ipv4_public),
        "redis_ip": pool(lambda: f"10.20.{rng.randint(1, 3)}.{rng.randint(2, 254)}"),
        "phone": pool(lambda: f"010-{rng.randint(2000, 9999)}-{rng.randint(0, 9999):04d}"),
        "address": pool(korean.road_address),
        "product": lambda: rng.choice(_PRODUCTS),
        "amount": lambda: str(rng.randint(10, 4_000) * 100),
        "ms": number(2, 480),
        "slow_ms": number(1_200, 9_800),
        "wait_ms": lambda: str(30_000 + rng.randint(0, 12)),
        "timeout_ms": lambda: str(5_000 + rng.randint(0, 40)),
        "waiting": number(3, 190),
        "count": number(1, 60),
        "percent": number(81, 96),
        "lag": number(5_000, 480_000),
        "days": number(5, 14),
        "partition": number(0, 11),
        "offset": number(1_000_000, 90_000_000),
        "thread_no": number(1, 64),
        "lambda_hex": pool(lambda: f"0x{0x7F0000000000 + 8 * rng.getrandbits(30):016x}"),
        "card": pool(lambda: english.credit_card_number("visa16")),
        "rrn": pool(lambda: _rrn(rng)),
        "bearer": pool(lambda: _jwt(rng)),
        "password": pool(lambda: _secret(rng, 14)),
        "client_secret": pool(lambda: _secret(rng, 32)),
        "page": pool(lambda: _search_page(rng), size=8),
    }


class Values(dict[str, str]):
    """The values of one record, drawn when a template first asks for them.

    What is `SHARED` is kept in `story`, so that the other records of the same request repeat it.
    """

    def __init__(self, draw: dict[str, Draw], story: dict[str, str]) -> None:
        super().__init__()
        self._draw = draw
        self._story = story

    def __missing__(self, key: str) -> str:
        home = self._story if key in SHARED else self
        value = home.get(key) or self._draw[key]()
        home[key] = self[key] = value
        return value

    def planted(self) -> tuple[str, ...]:
        """The secrets and personal values that were used, in order of use."""
        return tuple(value for key, value in self.items() if key in PLANTED)


def uuid_of(bits: int) -> str:
    """A random UUID (version 4) of 128 random bits."""
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-b{digits[17:20]}-{digits[20:]}"


def _secret(rng: Random, length: int) -> str:
    return "".join(rng.choices(_LETTERS, k=length))


def _rrn(rng: Random) -> str:
    """A Korean resident number with a possible date; Faker's may have month 00."""
    born = f"{rng.randint(60, 99)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    return f"{born}-{rng.randint(1, 2)}{rng.randint(0, 999_999):06d}"


def _jwt(rng: Random) -> str:
    """A token of the form of a JWT with a random signature."""
    header = _base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = _base64url(json.dumps({"sub": str(rng.getrandbits(32)), "iss": "auth.moamall.example"}).encode())
    return f"{header}.{claims}.{_base64url(rng.randbytes(32))}"


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _search_page(rng: Random) -> str:
    """A search answer that somebody logs whole: above 16 KiB, where containerd splits lines."""
    hits = [{"sku": f"SKU-{rng.randint(100_000, 999_999)}", "title": rng.choice(_PRODUCTS)} for _ in range(460)]
    return json.dumps({"total": len(hits), "hits": hits}, ensure_ascii=False)
