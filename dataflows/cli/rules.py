"""`cali rules`: the rules file, checked before it counts."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The rules file: who is told of what.", no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Check the rules file before it is in force."""


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A rules file, see docs/rules.md.")]) -> None:
    """Tell what a rules file holds; or, with exit status 1, everything that is wrong with it, a line each."""
    from dataflows.domain.rules import RulesError, parse_rules
    from dataflows.domain.rules.audit import summary, warnings
    from dataflows.domain.rules.file import read_rules_file
    from dataflows.rulebook import read_text

    try:
        text = read_text(file)
        parsed, version = read_rules_file(text), parse_rules(text).version
    except RulesError as err:
        for problem in err.problems:
            print(f"cali rules: {str(file)!r}: {problem}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{file}: version {version}: {summary(parsed.file, time.time())}")
    for warning in warnings(parsed):
        print(f"warning: {warning}")
