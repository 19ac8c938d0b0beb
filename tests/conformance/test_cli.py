"""The command line: mistakes are one line and exit code 2; a failure can be replayed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import pytest

from optisync_conformance import cases
from optisync_conformance.cases import load_pack
from optisync_conformance.cli import main
from optisync_conformance.events import Done, Planned, decode
from optisync_conformance.reference.run import run_script
from optisync_conformance.reference.stdio import serve
from optisync_conformance.resources import resource_dir

SUITE: Final = (sys.executable, "-m", "optisync_conformance")
ADAPTER: Final = (*SUITE, "adapter")
CASE = '{"id":"patch.x","title":"t","req":"patch-rfc6902","profile":"patch","steps":[%s]}'
STEP = '{"do":"apply","doc":{},"patch":[]}'
BARE: Final = """
import json, sys
for line in sys.stdin:
    frame = json.loads(line)
    if frame["t"] == "hello":
        sees = {"pipeline": {"sees": ["out", "view"], "lacks": ["history"], "is": []}}
        said = {"t": "hello", "protocol": 1, "impl": IMPL, "profiles": sees}
    elif frame["steps"]:
        said = {"t": "fault", "id": frame["id"], "kind": "bad-request", "step": 1, "text": TEXT}
    else:
        said = {"t": "ran", "id": frame["id"], "obs": [{"out": {"ok": {}}, "view": {}}]}
    print(json.dumps(said), flush=True)
""".replace("IMPL", '{"name": "bare", "version": "1", "language": "", "source": ""}').replace(
    "TEXT", '"profile pipeline of this adapter has no step drain"'
)


def optisync(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        (*SUITE, *words),
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert "Traceback (most recent" not in done.stdout + done.stderr
    return done


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


MISTAKES = [
    (("frob",), "No such command 'frob'"),
    (("run",), "there is no optisync.toml here"),
    (("run", "x"), "put -- before the command: optisync run -- x"),
    (("run", "--profile", "pathc", "--", "x"), "'pathc' is not one of"),
    (("run", "--pack", "cores", "--", "x"), "there is no pack 'cores'; there are core, cover"),
    (("run", "--pack", "", "--", "x"), "--pack names no pack"),
    (("run", "--pack", "core", "--case", "view.reject-frist*", "--", "true"), "no case is called"),
    (("run", "--timeout", "5 parsecs", "--", "x"), "'5 parsecs' is not a time"),
    (("run", "--timeout", "0", "--", "x"), "'0' is not a time"),
    (("run", "--shard", "3/2", "--", "x"), "'3/2' is not a part like 1/4"),
    (("run", "--jobs", "0", "--", "x"), "0 is not in the range"),
    (("run", "--report", "pdf=x", "--", "x"), "--report takes KIND=FILE"),
    (("run", "--report", "ndjson=no/such/x", "--", "x"), "cannot write no/such/x"),
    (("run", "--report", "html=no/such/x", "--", "x"), "there is no directory no/such"),
    (("run", "--report", "json=.", "--", "x"), "cannot write .: it is a directory"),
    (("run", "--", "tcp:somewhere"), "'tcp:somewhere' is not tcp:HOST:PORT"),
    (("run", "--", "py:module"), "'py:module' is not py:MODULE:FACTORY"),
    (("doctor", "--", "tcp:somewhere:65536"), "is not tcp:HOST:PORT"),
    (("run", "--expect", "no.toml", "--pack", "core", "--", "x"), "no.toml: cannot be read"),
    (("run", "--fix-expect", "--", "x"), "--fix-expect needs --expect FILE"),
    (("run", "--target", "a", "--", "x"), "--target goes without a command"),
    (("doctor",), "give either --target or the adapter's command"),
    (("replay", "--", "x"), "Missing argument 'FILES...'"),
    (("replay", "no.json", "--", "x"), "no.json: No such file or directory"),
    (("show", "rollback-is-removed"), "did you mean rollback-is-removal"),
    (("show", "op-unaskd"), "no requirement 'op-unaskd'; did you mean op-unasked or "),
    (("show", "nosuch.case"), "no requirement 'nosuch.case'; `optisync list` and "),
    (("spec", "show", "x"), "there is no requirement 'x'"),
    (("adapter", "--mutant", "x"), "there is no faulty version 'x'"),
    (("report", "no.ndjson"), "no.ndjson: No such file or directory"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES, ids=lambda each: " ".join(each))
@pytest.mark.usefixtures("elsewhere")
def test_a_mistake_is_one_line_and_code_2(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1, captured.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "case.json: "),
        ("{", "case.json: "),
        ("[1]", "case 1: Expected `object`"),
        (CASE % "", "a case has at least one step"),
        (CASE % '{"do":"fly"}', "step 1: `do` says 'fly', which is no step of profile patch"),
        (CASE % STEP.replace("doc", "dco"), "step 1: Object contains unknown field `dco`"),
        (CASE.replace("patch-rfc6902", "patch-rfc") % STEP, "there is no requirement 'patch-rfc'"),
        (CASE.replace('"patch"', '"pacht"') % STEP, "Invalid enum value 'pacht'"),
        (CASE % STEP.replace("}", ',"then":{"view":{}}}', 1)[:-1], "case.json: "),
        (CASE % '{"do":"apply","doc":{},"patch":[],"then":{"vew":1}}', "`then` has 'vew'"),
        (
            CASE % '{"do":"apply","doc":{},"patch":[],"then":{"out":{"$all":1}}}',
            "no matcher '$all'",
        ),
        (CASE % '{"do":"apply","doc":NaN,"patch":[]}', "case.json: "),
        (CASE % ('{"do":"apply","doc":' + "[" * 200 + "]" * 200 + ',"patch":[]}'), "nested"),
        (f"[{CASE % STEP},{CASE % STEP}]", "the id patch.x is used twice"),
    ],
)
def test_a_wrong_case_file_is_one_line_and_code_2(
    text: str, said: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "case.json").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["replay", "case.json", "--", "true"])
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1, captured.err


def test_a_bug_of_the_suite_is_code_5(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("optisync_conformance.commands.listing.load", lambda: 1 // 0)
    with pytest.raises(SystemExit) as ended:
        main(["list", "--requirements", "--pack", "core"])
    captured = capsys.readouterr()
    assert ended.value.code == 5
    assert re.match(
        r"optisync: a bug of the suite: ZeroDivisionError: .*test_cli\.py", captured.err
    )


def test_a_failure_is_told_and_can_be_replayed(tmp_path: Path) -> None:
    fault = (*ADAPTER, "--mutant", "inverse-kept-from-the-write")
    run = optisync("run", "--profile", "view", "--pack", "core", "--", *fault, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "MUST" in run.stdout
    (replay, *_) = [line for line in run.stdout.splitlines() if line.startswith("optisync replay")]
    again = optisync(*shlex.split(replay)[1:], cwd=tmp_path)
    assert again.returncode == 1
    assert "<-- here" in again.stdout
    sound = optisync(*shlex.split(replay.partition(" -- ")[0])[1:], "--", *ADAPTER, cwd=tmp_path)
    assert sound.returncode == 0, sound.stdout


def test_expected_failures_make_a_faulty_engine_green_until_it_is_mended(tmp_path: Path) -> None:
    fault = (*ADAPTER, "--mutant", "inverse-kept-from-the-write")
    words = ("run", "--profile", "view", "--pack", "core", "--no-probes", "--expect", "known.toml")
    fixed = optisync(*words, "--fix-expect", "--", *fault, cwd=tmp_path)
    assert fixed.returncode == 1
    path = tmp_path / "known.toml"
    empty = optisync(*words, "--", *fault, cwd=tmp_path)
    assert empty.returncode == 2
    assert "`link` is empty" in empty.stderr
    path.write_text(path.read_text().replace('link = ""', 'link = "here"'))
    green = optisync(*words, "--", *fault, cwd=tmp_path)
    assert green.returncode == 0, green.stdout
    assert " xfail " in green.stdout
    mended = optisync(*words, "--", *ADAPTER, cwd=tmp_path)
    assert mended.returncode == 1
    assert "listed as an expected failure, but it passes" in mended.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{", "bad.json: "),
        (CASE % '{"do":"fly"}', "bad.json: case patch.x: step 1: `do` says 'fly'"),
        (CASE.replace("patch.x", "patch.true-is-not-one") % STEP, "is used twice"),
    ],
)
def test_a_bad_case_of_the_pack_is_one_line_and_code_2(
    text: str,
    said: str,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(resource_dir("cases") / "core" / "patch", elsewhere / "core" / "patch")
    (elsewhere / "core" / "patch" / "bad.json").write_text(f"[{text}]", encoding="utf-8")
    monkeypatch.setattr(cases, "resource_dir", {"cases": elsewhere}.__getitem__)
    with pytest.raises(SystemExit) as ended:
        main(["run", "--pack", "core", "--", *ADAPTER])
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1, captured.err


def test_what_is_planned_is_what_is_run(tmp_path: Path) -> None:
    words = ("run", "--profile", "patch", "--profile", "view", "--case", "*-[a-m]*", "--no-probes")
    optisync(*words, "--report=ndjson=run.ndjson", "--", *ADAPTER, cwd=tmp_path)
    events = decode((tmp_path / "run.ndjson").read_bytes())
    wanted = [
        case.id
        for profile in ("patch", "view")
        for case in load_pack(["core"], profile, "*-[a-m]*")
    ]
    assert [event.total for event in events if isinstance(event, Planned)] == [len(wanted)] * 2
    assert [event.case for event in events if isinstance(event, Done)] == wanted


def test_shards_share_the_cases_out(tmp_path: Path) -> None:
    total = len(load_pack(["core"], "patch"))
    found = 0
    for part in ("1/2", "2/2"):
        words = ("run", "--profile", "patch", "--pack", "core", "--shard", part, "--no-probes")
        run = optisync(*words, "--", *ADAPTER, cwd=tmp_path)
        found += int(run.stdout.splitlines()[1].split()[1])
    assert found == total


def test_the_doctor_finds_the_reference_fit(tmp_path: Path) -> None:
    done = optisync("doctor", "--profile", "coordinator", "--", *ADAPTER, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ok    crash-durable (coordinator): what is durable survives a crash" in done.stdout
    assert "a-delta-" in done.stdout  # somebody else changes something


def test_the_doctor_blames_no_probe_for_a_failed_case(tmp_path: Path) -> None:
    faulty = (*ADAPTER, "--mutant", "foreign-changes-wait")
    done = optisync("doctor", "--profile", "view", "--", *faulty, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "FAIL  view." in done.stdout
    assert "probes" not in done.stdout
    assert "The adapter can be run." in done.stdout


def test_the_doctor_misses_what_a_crash_lost(tmp_path: Path) -> None:
    faulty = (*ADAPTER, "--mutant", "in-flight-is-lost-on-restart")
    done = optisync("doctor", "--profile", "outbox", "--", *faulty, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert 'FAIL  crash-durable (outbox): pending was ["$m1"] before' in done.stdout
    assert "keep the counter and every write" in done.stdout


def test_the_doctor_names_a_remedy(tmp_path: Path) -> None:
    done = optisync("doctor", "--", "echo", "listening", cwd=tmp_path)
    assert done.returncode == 3
    assert "remedy: print logs to stderr" in done.stdout


def test_the_doctor_names_a_remedy_for_a_step_that_is_not_played(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text(BARE, encoding="utf-8")
    done = optisync("doctor", "--", sys.executable, "bare.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "remedy: play the step, or let it throw `Unsupported`" in done.stdout


@pytest.fixture
def listening() -> Iterator[str]:
    """The reference behind a socket, one connection after another."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve_all() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    read, write = connection.makefile("rb"), connection.makefile("wb")
                    serve(run_script, cast("BinaryIO", read), cast("BinaryIO", write), "it", "1")

        threading.Thread(target=serve_all, daemon=True).start()
        yield f"tcp:127.0.0.1:{server.getsockname()[1]}"


def test_an_adapter_behind_a_socket(listening: str, tmp_path: Path) -> None:
    words = ("run", "--profile", "patch", "--pack", "core", "--no-probes")
    done = optisync(*words, "--", listening, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_an_adapter_in_this_process(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import io\n"
        "from optisync_conformance.reference.run import run_script\n"
        "from optisync_conformance.reference.stdio import serve\n"
        "def make():\n"
        "    def answer(line):\n"
        "        out = io.BytesIO()\n"
        "        serve(run_script, io.BytesIO(line), out, 'mine', '1')\n"
        "        return out.getvalue()\n"
        "    return answer\n"
    )
    words = ("run", "--profile", "patch", "--pack", "core")
    done = optisync(*words, "--", "py:mine:make", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_whoever_stops_reading_a_list_has_seen_no_failure(tmp_path: Path) -> None:
    for words, code in ((("list",), 0), (("run", "--profile", "patch", "--", "true"), 141)):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = subprocess.run(
                (*SUITE, *words), cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, timeout=120
            )
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (code, b"")


HEAVY = ("jinja2", "hypothesis", "jsonschema", "wasmtime", "xml.etree", "asyncio", "http")


def test_a_run_loads_only_what_it_needs(tmp_path: Path) -> None:
    words = ("run", "--profile", "patch", "--pack", "core", "--no-probes", "--", *ADAPTER)
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('LOADED', *sys.modules))\n"
        "from optisync_conformance.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", program, *words), cwd=tmp_path, text=True, capture_output=True
    )
    loaded = done.stdout.partition("LOADED")[2].split()
    assert "optisync_conformance.session" in loaded
    assert [name for name in HEAVY if name in loaded] == []
