"""Where the data is: the models, the normative text, the adapters, the cases."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "_data"
_ROOT = _PACKAGE.parents[1]
_OUTSIDE = {"models": "models", "specs": "specs", "adapters": "conformance/adapters"}


def resource_dir(name: str) -> Path:
    """Return the directory of the data called `name`, in a source tree or an installed wheel.

    `models`, `specs` and `adapters` live beside the packages in the tree and in `_data` in the
    wheel; every other name is a directory of this package. Raises FileNotFoundError naming the
    place where the directory should have been.

    >>> resource_dir("models").name
    'models'
    """
    if name not in _OUTSIDE:
        path = _PACKAGE / name
    elif _BUNDLED.is_dir():
        path = _BUNDLED / name
    else:
        path = _ROOT / _OUTSIDE[name]
    if not path.is_dir():
        raise FileNotFoundError(f"no data {name!r} at {path}; is the installation complete?")
    return path
