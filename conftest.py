"""Typeguard and Hypothesis settings for every test; loaded before either package is imported."""

import sys

from hypothesis import settings
from typeguard import install_import_hook

PACKAGES = ("optisync", "optisync_conformance")

# A module imported before the hook would go unchecked without anybody noticing.
_early = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
if _early:
    raise RuntimeError(f"imported before typeguard's hook: {', '.join(sorted(_early))}")
install_import_hook(PACKAGES)

# Deadlines measure the machine, not the code. `dev.py check-full` asks for the second profile.
settings.register_profile("test", deadline=None, print_blob=True)
settings.register_profile("full", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile("test")
