"""`cali`: the command line. Commands import what they need when they run, so that `cali --help` is quick."""

import os
import sys

import typer

from dataflows.cli import commands, kb, rules, silence

app = typer.Typer(
    name="cali",
    help="CALI: the error stream of a Kubernetes platform, turned into a few useful Slack messages.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def prepare() -> None:
    """Let only this user read what a command writes: knowledge bases, constants, the folder of a demo."""
    os.umask(0o077)
    if "AWS_REGION" in os.environ:
        from dataflows.settings import share_region

        share_region()


app.command("demo")(commands.demo)
app.command("generate")(commands.generate)
app.command("fingerprint")(commands.fingerprint)
app.command("redact")(commands.redact)
app.command("replay")(commands.replay)
app.command("check")(commands.check)
app.command("why")(commands.why)
app.command("graph")(commands.graph)
app.add_typer(kb.app, name="kb")
app.add_typer(rules.app, name="rules")
app.add_typer(silence.app, name="silence")

if sys.version_info[:2] not in {(3, 11), (3, 12)}:  # pragma: no cover - pip refuses to install there
    sys.exit(f"CALI needs Python 3.11 or 3.12 (Bytewax 0.21.1 has no wheels for {sys.version.split()[0]}).")
