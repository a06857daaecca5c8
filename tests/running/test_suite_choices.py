"""What a suite's file says of each cell, before anything is composed."""

from bench.running.suite_choices import choices, group_of
from bench.running.suite_file import Suite

SUITE = Suite(
    grid=[["defense=none", "defense=sign"], ["attack=dlg attack.evaluations=7"]],
    overrides=["data=mnist measure=labels", "metric=mse"],
    also=["attack=mean"],
    utility=["training=held_out"],
    trainings={"net": "training=held_out model.width=4"},
)


def test_trainings_run_first_and_look_at_nothing_that_only_an_attack_sees() -> None:
    found = list(choices(SUITE, set()))
    assert [one.title for one in found] == [
        "training net",
        "defense=none attack=dlg attack.evaluations=7",
        "defense=sign attack=dlg attack.evaluations=7",
        "attack=mean",
        "training defense=none",
        "training defense=sign",
    ]
    assert [one.name for one in found] == ["net", None, None, None, None, None]
    assert found[0].overrides == ["data=mnist", "training=held_out", "model.width=4"]
    assert found[-1].overrides == ["data=mnist", "defense=sign", "training=held_out"]
    assert found[3].overrides == ["data=mnist", "measure=labels", "metric=mse", "attack=mean"]


def test_what_the_user_says_replaces_the_file_in_trainings_too() -> None:
    found = list(choices(SUITE, {"model", "defense"}))
    assert found[0].overrides == ["data=mnist", "training=held_out"]
    assert [one.title for one in found[1:]] == ["attack=dlg attack.evaluations=7", "attack=mean", "training"]


def test_what_the_user_says_of_a_group_replaces_the_keys_below_it_in_cells_beside_the_grid_too() -> None:
    suite = Suite(grid=[["attack=dlg"]], overrides=[], also=["defense=outpost defense.decay=0 attack=dlg_robust"])
    assert list(choices(suite, {"defense"}))[-1].overrides == ["attack=dlg_robust"]


def test_a_key_that_every_option_has_outlives_the_option_that_the_user_replaces() -> None:
    grid = [["data.batch_size=2", "data.batch_size=4"], ["data.set=fair", "data=mnist data.batch_size=8", "attack=dlg"]]
    found = list(choices(Suite(grid=grid, overrides=[]), {"data"}, {"data.batch_size"}))
    assert [one.overrides for one in found] == [
        ["data.batch_size=2"],  # of data.set=fair, and of the choice that has an option and its own batch size
        ["data.batch_size=2", "attack=dlg"],
        ["data.batch_size=4"],
        ["data.batch_size=4", "attack=dlg"],
    ]
    own = list(choices(Suite(grid=grid, overrides=[]), {"data", "data.batch_size"}, {"data.batch_size"}))
    assert [one.overrides for one in own] == [[], ["attack=dlg"]]


def test_a_training_sees_no_override_of_an_attack_and_a_cell_none_of_a_training() -> None:
    training, cell = list(choices(SUITE, set()))[:2]
    assert not training.sees("attack.lr=1") and not training.sees("labels=ilrg") and training.sees("training.lr=1")
    assert cell.sees("attack.lr=1") and not cell.sees("training.lr=1") and cell.sees("seed=1")
    assert group_of("++model.width=3") == "model"


def test_a_measure_is_taken_once_per_choice_of_the_grid_whoever_attacks() -> None:
    suite = Suite(
        grid=[["defense=none", "defense=sign"], ["attack=dlg", "attack=idlg threat=adaptive"]],
        overrides=["data=mnist", "metric=mse"],
        measures=["limit"],
    )
    found = list(choices(suite, set()))
    assert [one.title for one in found[-2:]] == ["limit defense=none", "limit defense=sign"] and len(found) == 6
    assert found[-1].overrides == ["data=mnist", "defense=sign", "measure=limit"] and not found[-1].training
    assert [found[-1].sees(said) for said in ("attack=tag", "threat.labels=true", "training.lr=1")] == [False] * 3
    assert found[-1].sees("data.victims=3") and found[-1].sees("defense.std=1")


LABELS = Suite(
    grid=[["defense=none", "defense=sign"], ["attack=dlg", "attack=idlg threat=adaptive"]],
    overrides=["data=mnist", "metric=mse", "threat=training_details"],
    also=["defense=censor measure=labels labels=censor"],
    measures=["limit", "labels labels=bias", "labels labels=geng attack.labels.dummies=3"],
)


def test_a_measure_may_have_overrides_and_that_of_labels_depends_on_the_threat_model_of_the_suite() -> None:
    found = list(choices(LABELS, set()))[-6:]
    assert [one.title for one in found[2:]] == [
        "labels labels=bias defense=none",
        "labels labels=bias defense=sign",
        "labels labels=geng attack.labels.dummies=3 defense=none",
        "labels labels=geng attack.labels.dummies=3 defense=sign",
    ]
    assert found[1].overrides == ["data=mnist", "defense=sign", "measure=limit"]
    common = ["data=mnist", "threat=training_details", "defense=sign", "measure=labels"]
    assert found[3].overrides == [*common, "labels=bias"]
    assert found[5].overrides == [*common, "labels=geng", "attack.labels.dummies=3"]


def test_the_users_rule_and_threat_model_hold_for_labels_and_the_users_attack_does_not() -> None:
    *_, beside, limit, _, labels, _, _, _ = choices(LABELS, set())
    for one in (beside, labels):
        assert one.sees("labels=ilrg") and one.sees("threat=adaptive") and not one.sees("attack=mean")
    assert not limit.sees("labels=ilrg") and not limit.sees("threat=adaptive")
    said = list(choices(LABELS, {"labels"}))[-4:]
    assert said[0].overrides[-1] == "measure=labels" and said[0].title == "labels defense=none"
