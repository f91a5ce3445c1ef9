"""Writes Grafana's dashboards to k8s/grafana/dashboards, and what each panel tells to docs/dashboards.md.

    python scripts/dashboards.py [--check]

Needs `pip install grafana-foundation-sdk`. tests/infra/grafana checks what is written against the index templates, the
metrics of the code, and the data of a running pipeline.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from dashboard_faults import FAULT, SERVICE
from dashboard_itself import ITSELF
from dashboard_overview import OVERVIEW
from dashboard_parts import ALERTS, RECORDS, Shown, source
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "k8s" / "grafana" / "dashboards"
PAGE = ROOT / "docs" / "dashboards.md"
_PART = re.compile(r"(<!-- dashboard: (?P<uid>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

_BOARDS: dict[str, tuple[str, str, list[Shown]]] = {
    "cali-overview": ("CALI: Overview", "now-6h", OVERVIEW),
    "cali-fault": ("CALI: Fault", "now-24h", FAULT),
    "cali-service": ("CALI: Service", "now-24h", SERVICE),
    "cali-itself": ("CALI: CALI itself", "now-6h", ITSELF),
}
_VARIABLES = {"cali-fault": ("fingerprint", ALERTS), "cali-service": ("service", RECORDS)}


def board(uid: str) -> dashboard.Dashboard:
    """One dashboard; panels are numbered and laid out in order."""
    title, start, shown = _BOARDS[uid]
    made = dashboard.Dashboard(title).uid(uid).tags(["cali"]).readonly().time(start, "now").refresh("1m")
    made.timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR)
    made.link(dashboard.DashboardLink("CALI").type(models.DashboardLinkType.DASHBOARDS).tags(["cali"]).keep_time(True))
    if uid in _VARIABLES:
        name, where = _VARIABLES[uid]
        find = json.dumps({"find": "terms", "field": name, "query": f"{name}:?*"})
        chosen = dashboard.QueryVariable(name).label(name).query(find).datasource(source(where))
        made.with_variable(chosen.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED))
    for place, panel in enumerate(shown, 1):
        made.with_panel(panel.build(place))
    return made


def table_of(uid: str) -> str:
    """What each panel of a dashboard tells, for the documents."""
    rows_ = "".join(f"| {panel.title} | {panel.tells} | {panel.do} |\n" for panel in _BOARDS[uid][2])
    return f"| panel | tells | what to do |\n|---|---|---|\n{rows_}"


def written() -> dict[Path, str]:
    """Every file that is made from the definitions, with its text."""
    files = {}
    for uid in _BOARDS:
        text = json.dumps(board(uid).build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
        files[TARGET / f"{uid}.json"] = text + "\n"
    page = PAGE.read_text(encoding="utf-8")
    files[PAGE] = _PART.sub(lambda part: f"{part[1]}{table_of(part['uid'])}{part[3]}", page)
    return files


def main() -> None:
    """Write all of them, or with --check say which are not what would be written."""
    parser = argparse.ArgumentParser(description="Writes Grafana's dashboards and the tables of docs/dashboards.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if something is stale")
    check = parser.parse_args().check
    for path, text in written().items():
        if not check:
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.relative_to(ROOT)} is stale: run python scripts/dashboards.py")


if __name__ == "__main__":
    main()
