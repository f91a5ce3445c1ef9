"""The commands of `cali`, one thin function each."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer


def demo(
    seconds: Annotated[float, typer.Option(help="How long logs are generated.")] = 24.0,
    rate: Annotated[float, typer.Option(help="Log records a second.")] = 835.0,
    seed: Annotated[int, typer.Option(help="Same seed, same logs.")] = 7,
    language: Annotated[Literal["en", "ko"], typer.Option(envvar="CALI_LANGUAGE", help="Of the cards.")] = "en",
) -> None:
    """Run the whole pipeline on this machine: no account, no configuration."""
    from dataflows.demo.run import run

    raise typer.Exit(run(seconds, rate, seed, language))


def generate(
    rate: Annotated[float, typer.Option(min=0.001, help="Records a second of event time.")] = 500.0,
    count: Annotated[int, typer.Option(min=1, help="How many records.")] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same logs.")] = 7,
    to: Annotated[str, typer.Option(help="stdout, kinesis, or dir:PATH for container log files.")] = "stdout",
    start: Annotated[str | None, typer.Option(help="Time of the first record, ISO 8601; default: now.")] = None,
) -> None:
    """Write realistic logs of seven services and eight fault scenarios."""
    from dataflows.cli.generate import run

    raise typer.Exit(run(rate, count, seed, to, start))


def fingerprint(
    json_lines: Annotated[bool, typer.Option("--json", help="NDJSON on standard input and output.")] = False,
) -> None:
    """Tell which faults are the same: {"message","service"} in, fingerprint, coarse, kind, types, template out.

    Beside them `fp_version`, the version of the rules: fingerprints of two versions cannot be compared.
    """
    from dataflows.cli.ndjson import run, text_field
    from dataflows.domain.fingerprint import FP_VERSION, Fingerprinter
    from dataflows.domain.trace.frames import FRAMEWORKS
    from dataflows.settings import load

    _needs_json(json_lines, "fingerprint")
    config = load().fingerprint
    of = Fingerprinter(FRAMEWORKS.extended(config.in_app, config.frameworks))
    run(
        lambda line: {
            **of(text_field(line, "message"), text_field(line, "service", ""))._asdict(),
            "fp_version": FP_VERSION,
        }
    )


def redact(
    json_lines: Annotated[bool, typer.Option("--json", help="NDJSON on standard input and output.")] = False,
) -> None:
    """Mask secrets and personal data: {"text"} in, {"text","found"} out."""
    from dataflows.cli.ndjson import run, text_field
    from dataflows.domain.redaction import Redactor
    from dataflows.domain.redaction.lists import Lists
    from dataflows.settings import load

    _needs_json(json_lines, "redact")
    config = load().redaction
    mask = Redactor(Lists(config.allow, config.deny, config.deny_fields))
    key = config.key.get_secret_value().encode() if config.key else None
    run(lambda line: mask(text_field(line, "text"), key)._asdict())


def replay(  # noqa: PLR0913, PLR0917 - the options of a command
    source: Annotated[str, typer.Argument(help="A file, a folder, or s3://bucket/prefix.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the messages; write and send nothing.")] = False,
    level: Annotated[str | None, typer.Option(help="Level of records that name none.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Dead letters too that an earlier replay has finished.")
    ] = False,
    rules: Annotated[
        Path | None, typer.Option(help="With --dry-run: tell what this rules file would change, messages and faults.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Compare --rules with this file; default: the rules of the settings.")
    ] = None,
) -> None:
    """Put archived, dead-lettered or raw records through the same page."""
    from dataflows.cli.replay import run

    raise typer.Exit(run(source, level, again=again, dry_run=dry_run, rules=rules, against=against))


def check(
    offline: Annotated[
        bool, typer.Option("--offline", help="Settings and installation only; reach for nothing.")
    ] = False,
) -> None:
    """Check settings, credentials and every dependency; one line each, exit status 1 if one fails."""
    from dataflows.check import run

    raise typer.Exit(run(offline=offline))


def why(
    fingerprint: Annotated[str, typer.Argument(help="Fingerprint of an alert, or its first 6 or more digits.")],
) -> None:
    """Tell what is known of an alert: template, counts, decisions with their reasons."""
    from dataflows.why import run

    raise typer.Exit(run(fingerprint))


def graph() -> None:
    """Print the page as a Mermaid diagram."""
    from dataflows.graph import mermaid

    print(mermaid())


def _needs_json(given: bool, command: str) -> None:
    if not given:
        print(
            f"cali {command} reads NDJSON: give --json, and one JSON object a line on standard input", file=sys.stderr
        )
        raise typer.Exit(2)
