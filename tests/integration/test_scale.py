"""`scale` sets what two cores or a paper run; whatever is said beside it wins."""

import pytest

from bench.config.compose import compose


@pytest.mark.parametrize(
    ("overrides", "model", "victims"),
    [
        (["scale=small"], "lenet", 8),
        (["scale=small", "data=sentences"], "bert_tiny", 8),
        (["scale=full"], "convnet64", 100),
        (["scale=full_text", "data=sentences"], "huggingface", 100),
        (["scale=full", "model=resnet20", "data.victims=3"], "resnet20", 3),
        (["scale=full", "experiment=table1_dlg_mnist"], "lenet", 1000),
    ],
)
def test_a_scale_is_a_model_and_a_number_of_victims(overrides: list[str], model: str, victims: int) -> None:
    cfg = compose(overrides)
    assert cfg.names.model == model
    assert cfg.data.victims == victims
    assert "scale" not in cfg  # it leaves its values and nothing of its own: the same cell has the same identity
