"""The wall around the pure modules leaves none of them out."""

import tomllib
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]


class Contract(msgspec.Struct):
    id: str
    source_modules: list[str] = []
    forbidden_modules: list[str] = []


def test_every_module_but_the_shell_is_pure() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = msgspec.convert(settings["tool"]["importlinter"]["contracts"], list[Contract])
    (pure,) = (contract for contract in contracts if contract.id == "pure-core")
    package = ROOT / "reference" / "optisync"
    found = {path.stem for path in package.glob("[!_]*") if path.suffix in ("", ".py")}
    assert {name.removeprefix("optisync.") for name in pure.source_modules} == found - {"shell"}
    assert "optisync.shell" in pure.forbidden_modules
