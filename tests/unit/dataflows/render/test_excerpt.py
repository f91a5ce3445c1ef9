"""What is left of a long trace."""

from dataflows.render.excerpt import MAX_LINES, excerpt
from dataflows.render.texts import texts

LEFT_OUT = texts("en").lines_left_out


def test_the_nearest_own_frame_of_a_java_trace_is_kept() -> None:
    """Below thirty frames of frameworks the first of the team's own code still shows, and the gaps are counted."""
    lines = ["boom", *[f"\tat org.springframework.A.b{n}(A.java:{n})" for n in range(30)]]
    lines += ["\tat com.acme.Orders.find(Orders.java:58)", *[f"\tat java.base.T.run(T.java:{n})" for n in range(9)]]
    assert [
        *lines[:8],
        "… 23 lines left out …",
        "\tat com.acme.Orders.find(Orders.java:58)",
        "… 9 lines left out …",
    ] == excerpt(lines, LEFT_OUT)


def test_the_nearest_own_frame_of_a_python_traceback_is_the_last() -> None:
    """Python names the innermost frame last: the own one nearest to it is kept, with its source line."""
    lines = ["Traceback (most recent call last):"]
    for n in range(20):
        lines += [f'  File "/srv/app/orders{n}.py", line {n}, in find{n}', f"    find{n + 1}()"]
    for n in range(10):
        lines += [f'  File "/venv/lib/python3.11/site-packages/orm/x.py", line {n}, in go', "    go()"]
    lines.append("KeyError: 'sku'")
    shown = excerpt(lines, LEFT_OUT)
    assert ['  File "/srv/app/orders19.py", line 19, in find19', "    find20()", "KeyError: 'sku'"] == [
        line for line in shown if line in {*lines[39:41], lines[-1]}
    ]


def test_an_excerpt_is_never_longer_than_allowed() -> None:
    """Many causes, own frames and an end together keep within the bound."""
    block = ["Caused by: a.B: c", "\tat com.acme.A.b(A.java:1)", "\tat java.util.X.y(X.java:2)"]
    for times in range(1, 40):
        assert len(excerpt(["boom", *block * times, "end"], LEFT_OUT)) <= MAX_LINES


def test_one_line_left_out_is_one_line() -> None:
    """The count has its singular."""
    assert "… 1 line left out …" == LEFT_OUT.of(1)
