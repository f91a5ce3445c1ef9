"""What was announced before, how it ended, and what readers said of the runbooks shown for it."""

from rag.incidents.memory import Memory
from rag.incidents.notebook import Incident, Judgement, Notebook, NotebookError

__all__ = ["Incident", "Judgement", "Memory", "Notebook", "NotebookError"]
