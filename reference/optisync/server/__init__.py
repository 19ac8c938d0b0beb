"""The reference authority: one total order, individual verdicts, labelled deltas, epochs."""
