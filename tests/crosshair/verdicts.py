"""What CrossHair says about a subject. Run as `python -m tests.crosshair.verdicts NAME...`.

In a process of its own, because typeguard's hook, which the test process has on, hides the
integers from the solver. One line a condition: name, outcome, message.
"""

import sys

from crosshair.core_and_libs import (
    AnalysisMessage,
    analyze_function,  # pyright: ignore[reportUnknownVariableType]
    run_checkables,
)
from crosshair.options import AnalysisKind, AnalysisOptionSet
from tests.crosshair import outbox_subjects, pipeline_subjects, subjects, transport_subjects

SECONDS = 60.0
MODULES = (subjects, outbox_subjects, pipeline_subjects, transport_subjects)
SUBJECTS = {name: thing for module in MODULES for name, thing in vars(module).items()}


def analysed(name: str) -> list[AnalysisMessage]:
    options = AnalysisOptionSet(
        analysis_kind=[AnalysisKind.PEP316],
        report_all=True,
        per_condition_timeout=SECONDS,
        per_path_timeout=SECONDS,
    )
    return run_checkables(analyze_function(SUBJECTS[name], options))


def main(names: list[str]) -> None:
    for name in names:
        for message in analysed(name):
            print(name, message.state.value, " ".join(message.message.split()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
