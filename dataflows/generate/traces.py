"""Stack traces of the faults: templates in `templates/`, compiled for one release of one service.

A new version of a service moves the lines of its own files and renumbers its lambdas; frames of libraries stay. That
is what a rebuild does to a trace, and what a fingerprint must not see.
"""

import re
from importlib.resources import files
from zlib import crc32

_OWN_JAVA = re.compile(r"(\tat kr\.co\.moamall\.[^(]*\((?P<file>\w+\.java):)(?P<line>\d+)")
_OWN_PYTHON = re.compile(r'(  File "(?P<file>/app/[^"]+)", line )(?P<line>\d+)')
_JAVA_FRAME = re.compile(r"^\s+at (?P<class>\S+)\(.*\)$")
_LARGEST_SHIFT = 37
"""Lines by which a version may move the frames of one file."""


def compile_trace(name: str, version: str, *, packaging: bool = False) -> str:
    """The trace template `name` as `version` would print it, without a final newline.

    The result is for `str.format_map`. `packaging` adds the jar behind each Java frame, as logback does on request.
    """
    template = (files("dataflows.generate") / "templates" / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")
    for own in (_OWN_JAVA, _OWN_PYTHON):
        template = own.sub(lambda found: _moved(found, version), template)
    template = template.replace("{lambda_n}", str(crc32(f"{name} {version}".encode()) % 9))
    if packaging:
        template = "\n".join(_packaged(line, version) for line in template.split("\n"))
    return template


def _moved(found: re.Match[str], version: str) -> str:
    shift = crc32(f"{found['file']} {version}".encode()) % _LARGEST_SHIFT
    return f"{found[1]}{int(found['line']) + shift}"


def _packaged(line: str, version: str) -> str:
    frame = _JAVA_FRAME.match(line)
    if frame is None:
        return line
    if frame["class"].startswith("kr.co.moamall."):
        return f"{line} ~[classes/:{version}]"
    if frame["class"].startswith(("java.base/", "jdk.")):
        return f"{line} ~[na:na]"
    return f"{line} ~[{'-'.join(frame['class'].split('.')[1:3])}.jar!/:na]"
