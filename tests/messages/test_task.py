"""What a task says of the data's kind."""

from bench.messages.task import Task


def test_the_kind_follows_from_the_form():
    kinds = {shape: Task(lambda *_: {}, shape, 2, None).kind for shape in ((3,), (2, 5), (1, 4, 4))}
    assert kinds == {(3,): "rows", (2, 5): "series", (1, 4, 4): "images"}
