"""What must not leave: ordered, named rules, each with the cheap gate that says whether to try it.

A rule is two expressions. `gate` is RE2: it may match too much, never too little, and all gates together cost one walk
over the text. `pattern` is Python's and exact. Only `PRIVATE_KEY` and `BLOCKS` reach over the end of a line.
"""

from typing import Final

from dataflows.domain.redaction.keyed import KEYED
from dataflows.domain.redaction.pairs import PAIRS
from dataflows.domain.redaction.personal import PERSONAL
from dataflows.domain.redaction.tokens import TOKENS

RULES: Final = (*TOKENS, *KEYED, *PAIRS, *PERSONAL)
"""First those with a shape of their own, then those known by their key, then personal data."""
