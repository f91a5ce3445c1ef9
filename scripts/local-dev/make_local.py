"""Makes the stream and the bucket that the settings name, where they are not there yet, and brings runbooks in.

For emulators: it refuses to run without endpoint URLs, so that it never makes anything in an account. In an account,
Terraform makes them. Idempotent. Exit status 0, or 1 with the reason.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from connectors import s3
from connectors.errors import ConnectorError, TerminalError
from connectors.kinesis import stream
from dataflows.settings import Settings, SettingsError, load

SHARDS = 2


def main() -> int:
    """Make what is missing; one line for each thing."""
    parser = argparse.ArgumentParser(description="Make the local stream and bucket, and bring runbooks in.")
    parser.add_argument("--runbooks", type=Path, help="folder for `cali kb ingest`")
    options = parser.parse_args()
    try:
        settings = load()
        _refuse_an_account(settings)
        print(_made("stream", settings.kinesis.stream, new=_stream(settings)))
        print(_made("bucket", settings.s3.bucket, new=_bucket(settings)))
    except (SettingsError, ConnectorError, ValueError) as err:
        print(f"make_local: {err}", file=sys.stderr)
        return 1
    if options.runbooks is None:
        return 0
    ingest = "import sys; from dataflows.cli import app; sys.argv[0] = 'cali'; app()"
    command = [sys.executable, "-c", ingest, "kb", "ingest", str(options.runbooks)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - this project's own command


def _refuse_an_account(settings: Settings) -> None:
    for name, url in (("KINESIS", settings.kinesis.endpoint_url), ("S3", settings.s3.endpoint_url)):
        if not url:
            msg = f"CALI_{name}__ENDPOINT_URL is not set: this script makes things in emulators only; use terraform/"
            raise ValueError(msg)


def _stream(settings: Settings) -> bool:
    """Whether it was made now."""
    try:
        stream.describe(settings.kinesis)
    except TerminalError:
        stream.create(settings.kinesis, SHARDS)
        return True
    return False


def _bucket(settings: Settings) -> bool:
    """Whether it was made now."""
    try:
        s3.probe(settings.s3)
    except TerminalError:
        s3.create_bucket(settings.s3)
        return True
    return False


def _made(what: str, name: str, *, new: bool) -> str:
    return f"{what} {name}: {'made' if new else 'was there'}"


if __name__ == "__main__":
    sys.exit(main())
