"""CPU, wall time and memory of the page: beside its rivals, by part, and by what varies in the records or the run.

    python benchmarks/page.py [--quick] [--out FOLDER]

The real `build()` with the ends of `page_ends.py`, over records that are prepared before the clock starts
(`records.py`). Each run is a process of its own, forked with everything imported; variants of one table run in turn.

So that a run of a second tells what a process takes that runs on, before the clock starts each run copies its records
(touching memory of the parent after a fork costs a copy of the page under it), sees every fault once, works on a tenth
as many records as are measured, of the same kind, and waits until all is quiet.
"""

import argparse
from pathlib import Path

from measuring import RESULTS, report
from page_beside import beside
from page_plan import FULL, QUICK
from page_sweeps import by_faults, by_run, by_shape, by_share, by_size

from dataflows import logs


def main() -> None:
    """Write the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="few records and repeats: does it run, about how fast")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    logs.configure("CRITICAL")  # the border reports as errors what is not redacted here
    plan = QUICK if given.quick else FULL
    tables = [*beside(plan), by_share(plan), by_size(plan), by_shape(plan), by_run(plan), *by_faults(plan)]
    report("page", "The page", tables, given.out)


if __name__ == "__main__":
    main()
