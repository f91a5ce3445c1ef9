"""What must be reached: each dependency asked with short time-outs, and once more where it is there and only slow."""

from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from connectors import s3
from connectors.errors import ConnectorError
from connectors.kinesis import stream
from connectors.opensearch import IndexReader
from dataflows.check.line import Line
from dataflows.check.local import knowledge_is_absent
from dataflows.settings import Settings
from rag.config import RagConfig
from rag.embed import Embedder, EmbeddingModelError, open_embedder
from rag.llm import ModelError, models
from rag.milvus import MilvusStore
from rag.store import StoreError

CONNECT_S = 3.0
"""Of one call. Long enough for any network, short enough to wait for at a terminal."""
READ_S = 10.0
"""Of one call to what could be connected to: a healthy server on a busy machine may need seconds."""
_SLOW = frozenset({"ReadTimeoutError", "ConnectionTimeout"})
"""What botocore and opensearch-py call an answer that did not come in time over a connection that was made."""
_OLDEST = 2
"""Major version of OpenSearch: 1.x is out of support since 2024 (opensearch.org/releases)."""

_ADVICE = (
    ("NoCredentials", "give AWS credentials: a role, a profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ("NoRegion", "set the region of the service (CALI_..__REGION) or AWS_REGION"),
    ("AccessDenied", "allow the actions named in the README for this role"),
    ("UnrecognizedClient", "the AWS credentials are not valid: renew them"),
    ("InvalidAccessKeyId", "the AWS credentials are not valid: renew them"),
    ("ExpiredToken", "the AWS credentials have expired: renew them"),
    ("NoSuchBucket", "make the bucket, or set CALI_S3__BUCKET to one that exists"),
    ("does not exist", "make it, or set CALI_KINESIS__STREAM and __REGION"),
    ("HTTP 404", "no OpenSearch answers there: correct the URL, with its path if a proxy adds one"),
    ("no OpenSearch", "correct CALI_OPENSEARCH__URL"),
    ("HTTP 401", "set CALI_OPENSEARCH__USERNAME and __PASSWORD"),
    ("HTTP 403", "the user may not do this: check its role"),
    ("SSL", "the certificate is not trusted: set {ca} to the file of its CA"),
    ("", "check the address, the network and the security groups"),
)


_T = TypeVar("_T")


def patiently(ask: Callable[[float], _T], limit_s: float) -> _T:
    """The answer within `CONNECT_S`, or, where a connection was made, a second one within `READ_S`.

    Neither waits longer than `limit_s`, which is how long the pipeline itself would wait. Raises as `ask` does.
    """
    try:
        return ask(min(CONNECT_S, limit_s))
    except ConnectorError as err:
        if type(err.__cause__).__name__ not in _SLOW:
            raise
    return ask(min(READ_S, limit_s))


def _failed(what: str, name: str, err: Exception) -> Line:
    text = str(err)
    advice = next(advice for sign, advice in _ADVICE if sign in text)
    ca = "CALI_OPENSEARCH__CA_FILE" if what == "opensearch" else "AWS_CA_BUNDLE"
    return Line("FAIL", what, f"{name}: {text}; {advice.replace('{ca}', ca)}")


def kinesis(settings: Settings) -> Line:
    """The stream: there, active, readable by this role."""
    config = settings.kinesis
    try:
        found = patiently(lambda s: stream.describe(config.model_copy(update={"timeout_s": s})), config.timeout_s)
    except ConnectorError as err:
        return _failed("kinesis", config.stream, err)
    detail = f"{config.stream}: {found.status}, {found.open_shards} open shards, may be read"
    if found.status not in {"ACTIVE", "UPDATING"}:
        return Line("FAIL", "kinesis", f"{detail}: wait until it is ACTIVE")
    return Line("ok", "kinesis", detail)


def bucket(settings: Settings) -> Line:
    """The bucket: an object can be put and deleted."""
    config = settings.s3
    try:
        patiently(lambda s: s3.probe(config.model_copy(update={"timeout_s": s})), config.timeout_s)
    except ConnectorError as err:
        return _failed("s3", config.bucket, err)
    return Line("ok", "s3", f"{config.bucket}: an object was put below {config.prefix}check/ and deleted")


def opensearch(settings: Settings) -> Line:
    """The index: reachable, and of a version that is known to work."""
    config = settings.opensearch

    def version_within(seconds: float) -> str:
        with closing(IndexReader(config.model_copy(update={"timeout_s": seconds}))) as index:
            return index.version()

    try:
        version = patiently(version_within, config.timeout_s)
    except ConnectorError as err:
        return _failed("opensearch", config.url, err)
    name, _, number = version.partition(" ")
    major = number.partition(".")[0]
    if name != "opensearch" or not major.isdecimal() or int(major) < _OLDEST:
        return Line("warn", "opensearch", f"{config.url}: {version}; only OpenSearch {_OLDEST} and later is tested")
    return Line("ok", "opensearch", f"{config.url}: {version}")


def knowledge(settings: Settings) -> list[Line]:
    """The embedding model, loaded, and the knowledge base, opened with it."""
    config = settings.rag.model_copy(update={"milvus_timeout_s": CONNECT_S})
    try:
        embedder = open_embedder(config)
    except EmbeddingModelError as err:
        return [Line("FAIL", "embedding", str(err))]
    return [
        Line("ok", "embedding", f"{embedder.name}, {embedder.dim} dimensions, loaded"),
        _store(settings, config, embedder),
    ]


def _store(settings: Settings, config: RagConfig, embedder: Embedder) -> Line:
    empty = "alerts go out without runbooks; run: cali kb ingest runbooks"
    if knowledge_is_absent(settings):
        return Line("warn", "knowledge base", f"{config.milvus_uri} does not exist yet: {empty}")
    try:
        with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
            count, place = len(store.stored()), store.place
    except StoreError as err:
        # The pipeline runs without it, and while it runs it is what has Milvus Lite open.
        return Line("warn", "knowledge base", str(err))
    return (
        Line("ok", "knowledge base", f"{place}: {count} runbooks")
        if count
        else Line("warn", "knowledge base", f"{place}: no runbooks: {empty}")
    )


def openai(settings: Settings) -> Line:
    """The model's server, if one is set: its list of models."""
    config = settings.openai
    if not config.enabled:
        return Line("ok", "openai", "not set: answers are quoted from runbooks (CALI_OPENAI__API_KEY)")
    try:
        offered = models(config.model_copy(update={"timeout_s": min(READ_S, config.timeout_s)}))
    except ModelError as err:
        return Line("FAIL", "openai", str(err))
    if config.model not in offered:
        return Line(
            "warn", "openai", f"{config.model!r} is not among its {len(offered)} models: set CALI_OPENAI__MODEL"
        )
    return Line("ok", "openai", f"{config.model} is offered")
