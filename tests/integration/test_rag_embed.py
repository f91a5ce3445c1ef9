"""The embedding model on this machine."""

import subprocess
import sys

import pytest
import torch

from rag.embed import SentenceTransformerEmbedder

pytestmark = pytest.mark.slow


def test_a_question_takes_one_thread_and_documents_take_all() -> None:
    """On busy cores the threads of one short question wait for each other at four times the CPU."""
    embedder, seen = SentenceTransformerEmbedder(), list[int]()
    every = torch.get_num_threads()
    embedder._model.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    embedder.embed(["why?"], query=True)
    embedder.embed(["A runbook."])
    assert ([1, every], every) == (seen, torch.get_num_threads())


_PRELOADED = """
import sys
from pathlib import Path
from rag.embed import SentenceTransformerEmbedder, _load_library
_load_library()
print("libtorch_cpu.so" in Path("/proc/self/maps").read_text(), "torch" in sys.modules)
print(SentenceTransformerEmbedder().embed(["connection refused"]).shape)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch loads its library by itself")
def test_the_library_is_in_memory_before_torch_is_imported() -> None:
    """`import torch` keeps the interpreter's lock while it loads 300 MB; then it finds them there, and works."""
    ran = subprocess.run([sys.executable, "-c", _PRELOADED], capture_output=True, text=True, check=True)
    assert ["True False", "(1, 384)"] == ran.stdout.splitlines()
