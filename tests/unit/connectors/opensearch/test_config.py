"""Settings of the search index."""

import pytest
from pydantic import ValidationError

from connectors.opensearch import OpenSearchConfig


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9200", "https://search.example.com/logs/", "http://open_search:9200", "https://[::1]:9200"],
)
def test_an_address_is_taken_as_it_is(url: str) -> None:
    """With a port, a path, an underscore of a compose file, or IPv6."""
    assert url == OpenSearchConfig(url=url).url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "foo",
        "localhost:9200",
        "ftp://host",
        "http://",
        "http://:9200",
        "http://h:99999",
        "http://h?a=b",
        "http://a b",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """A URL without scheme or host, or with a port that cannot be, is told at the start."""
    with pytest.raises(ValidationError, match="must be a base URL"):
        OpenSearchConfig(url=url)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    """The error says where user and password go, without them."""
    secret = "hunter" + "2" * 10
    with pytest.raises(ValidationError, match="set CALI_OPENSEARCH__USERNAME and CALI_OPENSEARCH__PASSWORD") as caught:
        OpenSearchConfig(url=f"http://admin:{secret}@host:9200")
    assert secret not in str(caught.value)


@pytest.mark.parametrize("prefix", ["cali", "team-a.prod_1", "0", "a" * 200])
def test_a_prefix_that_can_begin_an_index_is_taken(prefix: str) -> None:
    """Lower-case letters, digits and the marks that OpenSearch allows."""
    assert prefix == OpenSearchConfig(index_prefix=prefix).index_prefix


@pytest.mark.parametrize(
    "prefix", ["", "Cali", "my logs", "_cali", "-cali", ".cali", "a*", "a/b", "a,b", "a" * 201, "a\n"]
)
def test_a_prefix_that_cannot_begin_an_index_is_refused(prefix: str) -> None:
    """What OpenSearch would refuse document by document is told at the start."""
    with pytest.raises(ValidationError, match="must be 1 to 200 of a-z"):
        OpenSearchConfig(index_prefix=prefix)


USER = {"username": "cali", "password": "hunter" + "2" * 10}


@pytest.mark.parametrize(
    ("url", "given", "expected"),
    [
        ("http://127.0.0.1:9200", {}, ("none", "es", None)),
        ("https://search.example.com", USER, ("basic", "es", None)),
        ("https://search-a-xy.eu-west-1.es.amazonaws.com", {}, ("sigv4", "es", "eu-west-1")),
        ("https://vpc-a-xy.us-gov-west-1.es.amazonaws.com", {}, ("sigv4", "es", "us-gov-west-1")),
        ("https://search-a-xy.cn-north-1.es.amazonaws.com.cn", {}, ("sigv4", "es", "cn-north-1")),
        ("https://search-a.aos.eu-central-1.on.aws", {}, ("sigv4", "es", "eu-central-1")),
        ("https://x1y2.ap-northeast-2.aoss.amazonaws.com", {}, ("sigv4", "aoss", "ap-northeast-2")),
        ("https://search-a-xy.eu-west-1.es.amazonaws.com", USER, ("basic", "es", "eu-west-1")),
        ("https://search-a-xy.eu-west-1.es.amazonaws.com", {"auth": "none"}, ("none", "es", "eu-west-1")),
        ("https://es.example.com", {"auth": "sigv4", "region": "eu-west-1"}, ("sigv4", "es", "eu-west-1")),
        ("https://es.example.com", {"auth": "sigv4", "service": "aoss"}, ("sigv4", "aoss", None)),
        ("https://eu-west-1.es.amazonaws.com.example.com", {}, ("none", "es", None)),
    ],
)
def test_how_calls_are_authenticated_is_inferred(url: str, given: dict[str, str], expected: tuple[str, ...]) -> None:
    """A user means basic, one of Amazon's hosts means signed, else nothing; what is set wins."""
    config = OpenSearchConfig.model_validate({"url": url, **given})
    assert expected == (config.auth_used, config.service_used, config.region_used)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"username": "cali"}, "USERNAME is set and CALI_OPENSEARCH__PASSWORD is not"),
        ({"password": USER["password"]}, "PASSWORD is set and CALI_OPENSEARCH__USERNAME is not"),
        ({"username": "cali", "password": ""}, "USERNAME is set and CALI_OPENSEARCH__PASSWORD is not"),
        ({"auth": "basic"}, "AUTH is 'basic': set CALI_OPENSEARCH__USERNAME and CALI_OPENSEARCH__PASSWORD"),
        ({"auth": "sigv4", **USER}, "AUTH is 'sigv4', which takes no user"),
        ({"auth": "none", **USER}, "AUTH is 'none', which takes no user"),
        ({"layout": "stream", "service": "aoss"}, "LAYOUT is 'stream', which serverless collections do not have"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, str], told: str) -> None:
    """Half a login is told at the start, by the names of the variables and without the password."""
    with pytest.raises(ValidationError, match=told) as caught:
        OpenSearchConfig.model_validate(given)
    assert USER["password"] not in str(caught.value)
