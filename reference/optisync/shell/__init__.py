"""What is not normative: stores, workers, loops. It drives the machines and decides nothing."""
