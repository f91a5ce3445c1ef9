"""Which records are CALI's own: they must never become alerts, or an error about sending alerts feeds itself. Pure.

Home Assistant once logged half a million errors so, each about sending the one before
(https://github.com/home-assistant/core/issues/30665).
"""

import re

from dataflows.domain.records import Kubernetes

LABEL, VALUE = "app.kubernetes.io/part-of", "cali"
"""The label of every pod that belongs to a deployment of CALI, its Fluent Bit included:
https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/"""


class Own:
    """Tells CALI's own pods: by their label, and by the name of this one with its siblings (`cali-0`, `cali-1`)."""

    def __init__(self, host: str) -> None:
        """`host` is this process's host name, which in Kubernetes is the pod's name; empty: nobody's."""
        base = re.sub(r"-\d+$", "", host)
        self._pods = re.compile(rf"{re.escape(base)}(?:-\d+)?") if base else None

    def __call__(self, place: Kubernetes) -> bool:
        """Whether the record comes from CALI."""
        if place.labels.get(LABEL) == VALUE:
            return True
        return self._pods is not None and self._pods.fullmatch(place.pod_name) is not None
