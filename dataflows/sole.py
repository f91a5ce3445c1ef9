"""One pipeline for one state folder: two would remove each other's spool files, and records would be lost."""

import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from dataflows.settings import SettingsError
from dataflows.steps.books import alone

log = structlog.get_logger(__name__)

FILE = "running.lock"


def occupy(state: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Hold the state folder until this process ends, however it ends. To be called before anything there is touched.

    A process that is alone holds it for itself; those of a cluster share it with each other. Where the lock's file
    cannot be opened, or the volume has no locks, a warning is logged; of a folder that cannot be made `open_ledger`
    tells. It is a record lock (fcntl(2)): gone once this process closes any handle of that file.

    Raises:
        SettingsError: another pipeline holds it.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    try:
        held = os.open(state / FILE, os.O_RDWR | os.O_CREAT, 0o600)  # never closed: the kernel lets go at the end
    except OSError as err:
        _not_locked(state, err)
        return
    try:
        fcntl.lockf(held, (fcntl.LOCK_EX if alone(arguments, environ) else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES: fcntl(2)
        msg = (
            f"CALI_STATE__DIR is {str(state)!r}, and another running pipeline uses it: end that one first, or give "
            "this one a state folder and a recovery store (-r) of its own"
        )
        raise SettingsError(msg) from None
    except OSError as err:
        _not_locked(state, err)


def _not_locked(state: Path, err: OSError) -> None:
    effect = "a second pipeline on this folder is not noticed"
    log.warning("state.not_locked", folder=str(state), error=err.strerror, effect=effect)
