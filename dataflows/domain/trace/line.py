"""One line of a stack trace, understood."""

from typing import Final, Literal, NamedTuple

Kind = Literal[
    "frame",
    "raising_frame",
    "python_frame",
    "go_file",
    "rust",
    "head",
    "cause",
    "outer",
    "panic",
    "rust_panic",
    "goroutine",
    "python_start",
    "inner_end",
    "members",
    "python_member",
    "skip",
    "text",
]
"""`head` starts with an exception type; `cause` says it is a cause of what is above, `outer` that what is above is its
cause; a `raising_frame` names the type too; `inner_end`: the frames of the enclosing exception follow; `members`: the
exceptions of a group follow; `text` is anything else."""


class Line(NamedTuple):
    """One line, understood."""

    kind: Kind
    name: str = ""
    """Frame or exception type; empty where the kind has none."""
    rest: str = ""
    """The exception message; of a Ruby frame, the exception type that its line ends with; after Rust's panic, why."""
    ours: bool = False
    """Frames: in-app."""


TEXT: Final = Line("text")
SKIP: Final = Line("skip")
