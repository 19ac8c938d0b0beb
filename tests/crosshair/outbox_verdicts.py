"""`verdicts`, for the subjects of the outbox.

Run as `python -m tests.crosshair.outbox_verdicts NAME...`.
"""

import sys

from crosshair.core_and_libs import (
    analyze_function,  # pyright: ignore[reportUnknownVariableType]
    run_checkables,
)
from crosshair.options import AnalysisKind, AnalysisOptionSet
from tests.crosshair import outbox_subjects
from tests.crosshair.verdicts import SECONDS


def main(names: list[str]) -> None:
    options = AnalysisOptionSet(
        analysis_kind=[AnalysisKind.PEP316],
        report_all=True,
        per_condition_timeout=SECONDS,
        per_path_timeout=SECONDS,
    )
    for name in names:
        for message in run_checkables(analyze_function(getattr(outbox_subjects, name), options)):
            print(name, message.state.value, " ".join(message.message.split()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
