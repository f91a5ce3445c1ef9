"""bm25s 0.3.16 alone, as the quickstart of its README teaches: stop words, PyStemmer's stemmer, `retrieve`.

    plain_bm25.py QUESTIONS HITS

https://github.com/xhluca/bm25s, "Quickstart". One text a runbook, its title before it. QUESTIONS is a JSON object:
`documents` (a list of [id, text]), `queries` (a list of texts), `k`. The ids found for each query are written to HITS.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bm25s
import rival
import Stemmer


def search(asked: Mapping[str, Any], hits: Path) -> Mapping[str, float]:
    """Index, then ask one question after another."""
    stemmer = Stemmer.Stemmer("english")
    ids = [doc_id for doc_id, _ in asked["documents"]]
    watch = rival.Stopwatch()
    corpus_tokens = bm25s.tokenize(
        [text for _, text in asked["documents"]], stopwords="en", stemmer=stemmer, show_progress=False
    )
    retriever = bm25s.BM25()
    retriever.index(corpus_tokens, show_progress=False)
    told = {"index_cpu_s": watch.taken()["cpu_s"]}
    found, taken = [], []
    for query in [asked["queries"][0], *asked["queries"]]:  # the first, which warms up, does not count
        one = rival.Stopwatch()
        query_tokens = bm25s.tokenize(query, stemmer=stemmer, show_progress=False)
        results, _scores = retriever.retrieve(query_tokens, k=min(asked["k"], len(ids)), show_progress=False)
        taken.append(one.taken())
        found.append([ids[number] for number in results[0]])
    hits.write_text(json.dumps(found[1:]), encoding="utf-8")
    return {**told, **rival.quantiles(taken[1:])}


if __name__ == "__main__":
    questions = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rival.tell(lambda: search(questions, Path(sys.argv[2])))
