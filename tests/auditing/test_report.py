"""A report is plain values for JSON, without the batch, and says whether inputs leak."""

import json

import pytest

from tests.auditing.reports import report


@pytest.mark.parametrize(("errors", "leaks"), [([0.01], True), ([0.2], True), ([0.9], False), ([float("nan")], False)])
def test_whether_inputs_leak_does_not_depend_on_labels(errors: list[float], leaks: bool) -> None:
    assert report(errors, labels=True).leaks == leaks


def test_a_report_is_json_without_the_batch() -> None:
    found = report([0.01, float("nan")], labels=True).to_dict()
    text = json.dumps(found, allow_nan=False)
    assert "0.123456" not in text and found["verdict"] == "LEAKS"
    assert [one["found"] for one in found["examples"]] == ["recovered", "not"]
    assert found["examples"][1]["share"] is None and found["objective"] is None
    assert found["thresholds"] == {"recovered": 0.02, "partly": 0.3}
    assert found["effort"]["left_out"] and found["setting"]["granted"] == ["the batch size"]
