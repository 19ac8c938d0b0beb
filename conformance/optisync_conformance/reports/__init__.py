"""Reports of a run, all made from its one stream of events."""
