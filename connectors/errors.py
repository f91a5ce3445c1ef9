"""Two kinds of failure: one that time may heal, one that it will not."""


class ConnectorError(Exception):
    """A dependency refused or could not be reached. The message names what and what to do, never a secret."""


class TransientError(ConnectorError):
    """Try again, with back-off: throttling, a time-out, a network fault, a 5xx answer."""


class TerminalError(ConnectorError):
    """Do not try again: the request itself is refused."""
