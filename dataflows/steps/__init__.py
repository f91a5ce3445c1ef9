"""The verbs of the page: Bytewax operators over the pure rules of `dataflows.domain`."""
