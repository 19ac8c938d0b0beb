"""The mutation pipeline: writes are shown at once, batched, persisted by whoever is plugged in.

`step` has the rules, `state` what it knows; the text is specs/pipeline.md.
"""
