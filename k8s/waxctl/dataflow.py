"""What waxctl puts into the pods: the page itself is in the image."""  # noqa: INP001 - a single file

from dataflows.log_intelligence import flow

__all__ = ["flow"]
