"""Metrics of the connectors, declared once. Labels come from closed sets, shard ids apart."""

from prometheus_client import Counter, Gauge, Histogram

KINESIS_RECORDS = Counter("cali_kinesis_records_total", "Records emitted into the dataflow.")
KINESIS_BYTES = Counter("cali_kinesis_bytes_total", "Bytes of the records emitted, after base64.")
KINESIS_READS = Counter("cali_kinesis_reads_total", "GetRecords calls that were answered.")
KINESIS_FAULTS = Counter("cali_kinesis_faults_total", "Calls to Kinesis that failed and are tried again.", ["reason"])
KINESIS_BEHIND = Gauge("cali_kinesis_behind_milliseconds", "How far a shard is read behind its tip.", ["shard"])
KINESIS_LOSSES = Counter("cali_kinesis_losses_total", "Gaps: records that could no longer be read.", ["reason"])
KINESIS_RENEWALS = Counter("cali_kinesis_iterator_renewals_total", "Shard iterators asked for.")
KINESIS_UNGATED = Counter("cali_kinesis_ungated_total", "Children started before a parent in another process ended.")
KINESIS_SLOW_PARSER = Gauge("cali_kinesis_slow_parser", "1 if botocore parses GetRecords, at ten times the CPU.")
KINESIS_SLOW_CALLS = Counter("cali_kinesis_slow_calls_total", "GetRecords calls that botocore made itself.")
KINESIS_SHARDS = Gauge("cali_kinesis_shards", "Shards owned by this process.", ["state"])

SPOOL_RECORDS = Counter("cali_spool_records_total", "Records written to the spool.", ["sink"])
SPOOL_WAITING_FILES = Gauge("cali_spool_waiting_files", "Committed spool files not yet uploaded.", ["sink"])
SPOOL_WAITING_BYTES = Gauge("cali_spool_waiting_bytes", "Bytes of committed spool files not yet uploaded.", ["sink"])
SPOOL_OLDEST = Gauge(
    "cali_spool_oldest_timestamp_seconds", "When the oldest waiting spool file was begun; 0: none waits.", ["sink"]
)
SPOOL_BYTES = Gauge("cali_spool_bytes", "Bytes of spool files on the state volume, open ones included.")
SPOOL_FULL = Gauge("cali_spool_full", "1 while reading is held back because the spool or its volume is full.")
SPOOL_FAULTS = Counter("cali_spool_faults_total", "Spool files that could not be written: the process ends.")
SPOOL_DAMAGED = Counter("cali_spool_damaged_total", "Spool files that changed on disk, set aside, or lost.", ["sink"])
S3_OBJECTS = Counter("cali_s3_objects_total", "Objects uploaded.", ["sink"])
S3_RECORDS = Counter("cali_s3_records_total", "Records in uploaded objects.", ["sink"])
S3_FAULTS = Counter("cali_s3_faults_total", "Uploads that failed and are tried again.", ["sink"])
S3_SECONDS = Histogram("cali_s3_upload_seconds", "Seconds of one upload.", ["sink"])

SEARCH_INDEXED = Counter("cali_search_documents_total", "Documents acknowledged by OpenSearch.", ["sink"])
SEARCH_REFUSED = Counter("cali_search_refused_total", "Documents that OpenSearch refused for good.", ["sink"])
SEARCH_FAULTS = Counter("cali_search_faults_total", "Bulk calls or items that failed and are tried again.", ["sink"])
SEARCH_WAITING = Gauge("cali_search_waiting_documents", "Documents not yet acknowledged.", ["sink"])
SEARCH_SPILLED = Counter("cali_search_spilled_total", "Documents moved from memory to the spool.", ["sink"])

BREAKER_STATE = Gauge(
    "cali_breaker_state", "Circuit breaker: 0 closed, 1 half-open (one call tries), 2 open.", ["dependency"]
)
