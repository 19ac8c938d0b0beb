"""What a persistence belongs to: one pipeline, before anything goes through it."""

from __future__ import annotations

from typing import ClassVar

from optisync.errors import OptisyncError
from optisync.shell.mutation_pipeline import MutationPipeline


class NotAttached(OptisyncError):
    """The persistence knows no pipeline that it could tell of verdicts and documents."""

    code: ClassVar[str] = "not-attached"

    def __str__(self) -> str:
        return "attach the persistence to its pipeline first: persistence.attach(pipeline)"


class AttachedBefore(OptisyncError):
    """The persistence belongs to another pipeline, which would hear nothing any more."""

    code: ClassVar[str] = "attached-before"

    def __str__(self) -> str:
        return "the persistence is attached to a pipeline; make one for each pipeline"


class Attached:
    """A persistence of one pipeline."""

    _owner: MutationPipeline | None = None

    @property
    def _pipeline(self) -> MutationPipeline:
        """The pipeline. Raises NotAttached."""
        if self._owner is None:
            raise NotAttached
        return self._owner

    def _belong_to(self, pipeline: MutationPipeline) -> None:
        """Raises AttachedBefore."""
        if self._owner is not None:
            raise AttachedBefore
        self._owner = pipeline
