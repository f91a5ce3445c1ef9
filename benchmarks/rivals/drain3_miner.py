"""drain3 0.9.11, as its README teaches: `TemplateMiner(config=...)`, `add_log_message` for every message.

    drain3_miner.py CASES default|masked [--groups FILE]

README of https://github.com/logpai/Drain3: `default` is a `TemplateMinerConfig` as it is made (depth 4, similarity 0.4,
no masks, no bound on clusters, no persistence); `masked` adds the two masks of its section "Masking" (IP, NUM), which
"can improve template mining accuracy". CASES is a JSON list of `[name, before, asked]`: a new miner learns `before`,
then is timed on `asked`. Microseconds a message are told by the name of the case.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import rival
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

# From the README, as they stand there.
_IP = r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)"
_NUM = r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)"


def miner(config: str) -> TemplateMiner:
    """One that has seen nothing."""
    settings = TemplateMinerConfig()
    if config == "masked":
        settings.masking_instructions = [MaskingInstruction(_IP, "IP"), MaskingInstruction(_NUM, "NUM")]
    return TemplateMiner(config=settings)


def run(cases: list[tuple[str, list[str], list[str]]], config: str, groups: Path | None) -> Mapping[str, float]:
    """Time all cases; with `groups` write the cluster of every message, by case."""
    told: dict[str, float] = {}
    found: dict[str, list[int]] = {}
    for name, before, asked in cases:
        learns = miner(config)
        found[name] = [learns.add_log_message(message)["cluster_id"] for message in before]
        begun = time.process_time()
        for message in asked:
            learns.add_log_message(message)
        told[name] = 1e6 * (time.process_time() - begun) / max(1, len(asked))
    if groups is not None:
        groups.write_text(json.dumps(found), encoding="utf-8")
    return told


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("cases", type=Path)
    options.add_argument("config", choices=("default", "masked"))
    options.add_argument("--groups", type=Path)
    given = options.parse_args()
    read = json.loads(given.cases.read_text(encoding="utf-8"))
    rival.tell(lambda: run(read, given.config, given.groups))
