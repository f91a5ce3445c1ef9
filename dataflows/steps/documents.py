"""`documents` and `history`: records and alerts as search documents, keyed by slot."""

from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream

from connectors.opensearch import Doc
from connectors.slots import slot_of_name
from dataflows.domain.alerts import Delivery
from dataflows.render import search
from dataflows.steps.triage import AlarmingBatch


def _record_docs(prefix: str, batch: AlarmingBatch) -> tuple[str, list[Doc]]:
    return batch.slot, [
        Doc(
            search.logs_index(prefix, alarm.sighting.arrival_ts), alarm.sighting.record_id, alarm.document, batch.minute
        )
        for alarm in batch.alarms
    ]


def _alert_doc(prefix: str, delivery: Delivery) -> tuple[str, list[Doc]]:
    alert = delivery["alert"]
    doc = Doc(search.alerts_index(prefix, alert["window_start"]), alert["id"], search.alert_document(delivery))
    return slot_of_name(alert["fingerprint"]), [doc]


@operator
def documents(step_id: str, alarming: Stream[AlarmingBatch], prefix: str) -> KeyedStream[list[Doc]]:
    """One list of documents per batch; ids are `<shard>-<sequence>-<sub>`."""
    return op.map("docs", alarming, partial(_record_docs, prefix))


@operator
def history(step_id: str, delivered: Stream[Delivery], prefix: str) -> KeyedStream[list[Doc]]:
    """One document per alert; a later version replaces an earlier one, in order, since one fault stays in one slot."""
    return op.map("docs", delivered, partial(_alert_doc, prefix))
