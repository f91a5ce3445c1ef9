"""The embedding model on this machine."""

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
