"""The meaning of CALI: records, fingerprints, alerts, and the dataflows that wire connectors and rag together."""
