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
