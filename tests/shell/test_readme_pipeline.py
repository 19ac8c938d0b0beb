"""The program in the README does what it says."""

import re
from pathlib import Path

import pytest
from tests.shell.pipeline_world import ME

from optisync.contracts.messages import Delta, Label
from optisync.outbox.config import Config as OutboxConfig
from optisync.pipeline.state import view
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing import OutboxPersistence
from optisync.shell.sqlite import SqliteStore
from optisync.values import ClientSeq, Epoch, ServerSeq
from optisync.view import Docs

README = Path(__file__).parents[2] / "README.md"


def test_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = README.read_text(encoding="utf-8").partition("## The pipeline in your program")[2]
    (program, *_) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    rendered: list[Docs] = []
    label = Label(ME, ClientSeq(9))
    delta = Delta(Epoch(1), ServerSeq(1), ServerSeq(0), (), (label,))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"render": rendered.append, "delta": delta}
    exec(compile(program, "README.md", "exec"), names)
    assert [len(view) for view in rendered] == [1, 0]  # shown, and taken back
    assert capsys.readouterr().out.splitlines() == [
        "Told(ticket=1, status=<TicketStatus.ENQUEUED: 'enqueued'>, code=None)"
    ]
    outbox = DurableOutbox(OutboxConfig(ME), SqliteStore(tmp_path / "outbox.db", ME))
    # The undo waited in memory, and nobody was told that it is stored.
    assert set(view(OutboxPersistence(outbox).state()).view) == {"todo/tmp-1"}
    outbox.close()
