"""The wall clock of the page, which can be set while it runs. Everything else on this machine keeps its own."""

import mmap
import shutil
import struct
import subprocess
import sys
from pathlib import Path

_SHIM = Path(__file__).with_name("clock_shim.c")
_OFFSET = struct.Struct("d")
_COMPILE_S = 60.0
_TRY_S = 10.0


class PageClock:
    """A file that says by how much the page's clock is off, and the library that heeds it.

    The library stands in front of libc (`LD_PRELOAD`) and is compiled here. Where that cannot be (no Linux on 64 bits,
    no C compiler, another libc) there is no such clock, and `absent` says why. CLOCK_MONOTONIC stays true in any case.
    """

    def __init__(self, folder: Path) -> None:
        self.absent = ""
        self.off_s = 0.0
        """Seconds that the page's clock is ahead."""
        self._file = folder / "clock"
        self._library = folder / "clock.so"
        self._file.write_bytes(_OFFSET.pack(0.0))
        if (why := self._compile()) is not None:
            self.absent = why

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that is to have this clock."""
        return {} if self.absent else {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)}

    def move(self, seconds: float) -> None:
        """Set the clock forward, or back if it is less than zero. Takes effect at once."""
        self.off_s += seconds
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), _OFFSET.size) as shared:
            shared[:] = _OFFSET.pack(self.off_s)

    def _compile(self) -> str | None:
        """None, or why it is not possible."""
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not sys.platform.startswith("linux") or sys.maxsize < 2**32:
            return "only Linux on 64 bits has LD_PRELOAD as it is used here"
        if compiler is None:
            return "there is no C compiler"
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SHIM), "-ldl"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_S, check=False)
        if made.returncode:
            return f"{compiler} cannot compile {_SHIM.name}: {made.stderr.strip()[:200]}"
        return self._try()

    def _try(self) -> str | None:
        """Ask a process what time it is, an hour ahead."""
        self.move(3_600.0)
        code = "import time; print(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))"
        asked = [
            subprocess.run(
                [sys.executable, "-S", "-c", code],
                env=env,
                capture_output=True,
                text=True,
                timeout=_TRY_S,
                check=False,
            ).stdout.strip()
            for env in ({}, self.environment)
        ]
        self.move(-3_600.0)
        if "" in asked or abs(float(asked[1]) - float(asked[0]) - 3_600.0) > _TRY_S:
            return "the library is not heeded: another libc?"
        return None
