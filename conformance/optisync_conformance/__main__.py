"""`python -m optisync_conformance` is `optisync`."""

from optisync_conformance.cli import main

if __name__ == "__main__":
    main()
