"""What rag counts. Declared once; every label comes from a closed set written here."""

from enum import StrEnum

from prometheus_client import Counter, Histogram


class Fault(StrEnum):
    """Why a dependency could not be used: the same word is exception attribute, log field and metric label."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    """The server answered with an error that another try will not change (bad key, unknown model)."""
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"
    """The answer is not what the schema asks for."""
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    DECLINED = "declined"
    """The model refused to answer."""
    UNSUPPORTED = "unsupported"
    """No claim of the answer stands in a runbook that was retrieved."""
    BACKING_OFF = "backing_off"
    """It failed a moment ago and was not asked."""
    BUDGET = "budget"
    """It was not asked: a limit on tokens or money would have been passed."""
    STATE = "state"
    """The file that knows what was spent and answered cannot be used."""
    BUG = "bug"
    """Something nobody foresaw; the log has the exception type."""


EXPLANATIONS = Counter(
    "cali_rag_explanations_total", "Explanations given, by verdict and by who wrote them.", ["verdict", "source"]
)
UNAVAILABLE = Counter(
    "cali_rag_unavailable_total", "Explanations that went out with something missing.", ["what", "fault"]
)
CLAIMS_DROPPED = Counter(
    "cali_rag_claims_dropped_total", "Statements of a model that were not shown: no runbook supports them."
)
CLAIMS_KEPT = Counter("cali_rag_claims_kept_total", "Statements of a model that a retrieved runbook supports.")
RETRIEVAL_SECONDS = Histogram(
    "cali_rag_retrieval_seconds",
    "Time to find runbooks for one fault.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
MODEL_SECONDS = Histogram(
    "cali_rag_model_seconds",
    "Time of one question to the model, retries included.",
    buckets=(0.5, 1, 2.5, 5, 10, 20, 40, 60),
)
MODEL_TOKENS = Counter(
    "cali_rag_model_tokens_total", "Tokens that the model's server counted, by prompt and completion.", ["kind"]
)
MODEL_USD = Counter("cali_rag_model_usd_total", "US dollars spent on the model, by the prices of the settings.")
CACHE = Counter(
    "cali_rag_cache_total",
    "Answers looked up: hit, shared (one call for several questions at once), miss, error (the file failed).",
    ["outcome"],
)
BUDGET_REFUSED = Counter(
    "cali_rag_budget_refusals_total", "Questions not put to the model because a limit would have been passed.", ["cap"]
)
INCIDENTS = Counter("cali_rag_incidents_total", "Past incidents: noted, shown beside an answer, expired.", ["what"])
MEMORY_FAILED = Counter(
    "cali_rag_memory_failures_total", "Times the memory of incidents could not be read or written.", ["doing"]
)
