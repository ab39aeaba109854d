"""What processes compare before the first step."""

from pathlib import Path

from training.config import DataOptions
from training.data import load_data
from training.rank_facts import facts_of_data


def test_a_checkpoint_that_only_another_node_has_is_a_difference(mlm: Path, tmp_path: Path) -> None:
    data = load_data(DataOptions(dataset=[str(mlm)]), seed=0)
    there, missing = tmp_path / "there/checkpoint-4", tmp_path / "missing/checkpoint-4"
    there.mkdir(parents=True)
    (there / "sampler.json").write_text("{}")

    assert facts_of_data(data, str(there))["checkpoint"] == "checkpoint-4, 44136fa355b3"
    assert facts_of_data(data, str(missing))["checkpoint"] == "checkpoint-4, which is not there"
    assert facts_of_data(data, None)["checkpoint"] == "none"
