"""`cali check`: settings, credentials and every dependency, one line each."""

from dataflows.check.report import run

__all__ = ["run"]
