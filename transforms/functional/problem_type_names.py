"""What a label is, by the names of `problem_type` in the configurations of transformers."""

from __future__ import annotations

from typing import Literal

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]

SINGLE: ProblemType = "single_label_classification"
MULTI: ProblemType = "multi_label_classification"
REGRESSION: ProblemType = "regression"
