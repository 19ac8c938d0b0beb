"""The conformance suite: runs any implementation against the specification and reports."""
