"""What became of a source besides its records: what could not be read, what was skipped, whether it was cut short."""

from dataclasses import dataclass, field

MAX_TOLD = 20
"""Problems that are told one by one; the rest is a number. Our choice: a reader has seen the pattern by then."""


@dataclass
class Account:
    """The books of one source. Every file and line that gives no record is counted here."""

    records: int = 0
    """Records that were read."""
    bad_files: int = 0
    """Files and objects that could not be read: nothing of them was replayed."""
    bad_lines: int = 0
    """Lines of the archive or the dead letters that could not be read; the other lines of their files were."""
    empty: bool = False
    """There was nothing to read at all."""
    refused: int = 0
    """Search documents that the index had refused: redacted, so no record can be made of them."""
    losses: int = 0
    """Notes on possible loss: they hold no record."""
    finished: int = 0
    """Dead letters that an earlier replay has finished."""
    stopped: bool = False
    """A signal ended the reading before the end of the source."""
    problems: list[str] = field(default_factory=list)
    """The first `MAX_TOLD` of the bad files and lines, each with its place and what to do."""

    def bad_file(self, name: str, problem: str) -> None:
        """Count a file that could not be read."""
        self.bad_files += 1
        self._note(f"{name!r} {problem}")

    def no_file(self, source: str) -> None:
        """Tell that a source holds no file: most likely it is mistyped."""
        self.empty = True
        self._note(f"{source!r} holds no file: check the folder or the prefix")

    def bad_line(self, name: str, number: int, problem: str) -> None:
        """Count a line, `number` from 1, that could not be read."""
        self.bad_lines += 1
        self._note(f"{name!r}, line {number}: {problem}")

    def _note(self, problem: str) -> None:
        if len(self.problems) < MAX_TOLD:
            self.problems.append(problem)

    @property
    def failed(self) -> bool:
        """Whether something that should have been replayed was not."""
        return bool(self.bad_files or self.bad_lines or self.empty or self.stopped)

    def problem_lines(self) -> list[str]:
        """What failed, a line each, for the error stream."""
        more = self.bad_files + self.bad_lines + self.empty - len(self.problems)
        lines = [*self.problems, *([f"and {more} more like these"] if more else [])]
        if self.stopped:
            lines.append(f"stopped by a signal after {self.records} records: replay it again for the rest")
        return lines

    def notices(self) -> list[str]:
        """What was skipped or rejected, a line each, for the output."""
        told = (
            (self.bad_files, "files could not be read: rejected"),
            (self.bad_lines, "lines could not be read: rejected"),
            (self.refused, "search documents that the index had refused: skipped, they are no records"),
            (self.finished, "dead letters that an earlier replay finished: skipped, --again replays them too"),
            (self.losses, "notes on possible loss: skipped, they hold no record"),
        )
        return [f"{count} {what}" for count, what in told if count]
