"""Every connection verifies the server's certificate: a self-signed one is refused, and its CA can be given."""

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from planting.servers import Model

from connectors import s3
from connectors.errors import ConnectorError
from connectors.kinesis import KinesisConfig, stream
from connectors.opensearch import IndexReader, OpenSearchConfig
from connectors.s3 import S3Config
from connectors.slack import Outcome, SlackBot, SlackConfig, SlackWebhook
from rag.config import OpenAIConfig, RagConfig
from rag.embed import EmbeddingModelError, open_embedder
from rag.llm import ModelError, models
from rag.milvus import MilvusStore
from rag.store import StoreError

pytestmark = pytest.mark.slow

TOKEN = "xox" + "b-" + "1" * 12


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own CA, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(pem))
    return path


@pytest.fixture
def server(certificate: Path, aws_env: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """A server with that certificate, which answers as a model; no CA is set."""
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Model(context) as made:
        yield made


def told(call: Callable[[], object]) -> str:
    """What a call says: its error, or "" for none."""
    try:
        call()
    except (ConnectorError, ModelError, EmbeddingModelError, StoreError) as err:
        return str(err)
    return ""


def webhook(url: str) -> str:
    """The detail of one post to a webhook; empty if it was taken."""
    result = SlackWebhook(SlackConfig(webhook_url=f"{url}/services/T/B/x")).post({"text": "x"})
    return "" if result.outcome is Outcome.ACCEPTED else result.detail


def bot(url: str) -> str:
    """The detail of one post as a bot."""
    return SlackBot(SlackConfig(bot_token=TOKEN, api_url=url)).post("C12345678", {"text": "x"}, key="k").detail


CALLS: dict[str, Callable[[str], str]] = {
    "S3": lambda url: told(lambda: s3.probe(S3Config(endpoint_url=url, region="eu-west-1"))),
    "Kinesis": lambda url: told(lambda: stream.describe(KinesisConfig(endpoint_url=url, region="eu-west-1"))),
    "OpenSearch": lambda url: told(lambda: IndexReader(OpenSearchConfig(url=url)).version()),
    "a webhook": webhook,
    "a bot": bot,
    "OpenAI": lambda url: told(lambda: models(OpenAIConfig(base_url=url, api_key="k" * 8))),
    "embeddings": lambda url: told(lambda: open_embedder(RagConfig(embedding_url=url, embedding_model="m"))),
}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("S3", "SSLError"),
        ("Kinesis", "SSLError"),
        ("OpenSearch", "SSLError"),
        ("a webhook", "SSLError (SSLCertVerificationError)"),
        ("a bot", "SSLError (SSLCertVerificationError)"),
        ("OpenAI", "certificate is not trusted"),
        ("embeddings", "(SSLError)"),
    ],
)
def test_a_certificate_that_nobody_vouches_for_is_refused(server: Model, service: str, expected: str) -> None:
    """Nothing is sent to such a server, and the error names the certificate or TLS."""
    assert expected in CALLS[service](server.url)
    assert [] == server.bodies


def test_milvus_is_verified_too(server: Model) -> None:
    """By https a Milvus server with such a certificate is not reached."""
    config = RagConfig(milvus_uri=server.url, milvus_timeout_s=1)
    assert "cannot connect to the knowledge base" in told(lambda: MilvusStore(config, model="m", dim=8))
    assert [] == server.bodies


@pytest.mark.parametrize(
    ("variable", "service"),
    [
        ("AWS_CA_BUNDLE", "S3"),
        ("AWS_CA_BUNDLE", "Kinesis"),
        ("REQUESTS_CA_BUNDLE", "a webhook"),
        ("REQUESTS_CA_BUNDLE", "a bot"),
        ("REQUESTS_CA_BUNDLE", "embeddings"),
        ("SSL_CERT_FILE", "OpenAI"),
    ],
)
def test_a_ca_of_one_s_own_is_taken(
    server: Model, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str, service: str
) -> None:
    """With its CA in the variable that the library reads, the same server is trusted, and asked."""
    monkeypatch.setenv(variable, str(certificate))
    assert "SSL" not in CALLS[service](server.url)
    assert server.bodies


def test_opensearch_takes_its_ca_from_a_setting(server: Model, certificate: Path) -> None:
    """With `CALI_OPENSEARCH__CA_FILE` the server is reached: that it is no OpenSearch is seen then."""
    config = OpenSearchConfig(url=server.url, ca_file=str(certificate))
    assert "something answers there that is no OpenSearch" == told(lambda: IndexReader(config).version())
