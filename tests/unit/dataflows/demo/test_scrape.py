"""The metrics page as numbers."""

from dataflows.demo.place import free_port
from dataflows.demo.scrape import Numbers, scrape

_PAGE = """# TYPE cali_pieces_rejected_total counter
cali_pieces_rejected_total{reason="empty"} 2.0
cali_pieces_rejected_total{reason="cut_off"} 3.0
# TYPE cali_kinesis_behind_milliseconds gauge
cali_kinesis_behind_milliseconds{shard="a"} 10.0
cali_kinesis_behind_milliseconds{shard="b"} 250.0
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.25
"""


def test_sums_picks_and_maxima() -> None:
    """A metric is summed over the labels not given; a gauge of shards is as far behind as its worst."""
    numbers = Numbers.parse(_PAGE)

    assert (5, 3) == (
        numbers.total("cali_pieces_rejected_total"),
        numbers.total("cali_pieces_rejected_total", reason="cut_off"),
    )
    assert 250.0 == numbers.most("cali_kinesis_behind_milliseconds")
    assert 1.25 == numbers.exact("process_cpu_seconds_total")


def test_what_was_never_counted_is_zero() -> None:
    """A counter with labels does not exist before its first event."""
    assert (0, 0.0) == (Numbers().total("cali_messages_total", status="dead"), Numbers().most("x"))


def test_no_answer_is_none() -> None:
    """A page that is not there yet is waited for, not an error."""
    assert None is scrape(f"http://127.0.0.1:{free_port()}/metrics")
