"""Tables of the logs: what was appended, the tree over it, and projections to search by."""

from audit.models.batch import Batch, BatchKey, Pending, SequenceGap
from audit.models.projection import DecisionEntry, Deployment, ServedRequest
from audit.models.tree import BatchSequence, Checkpoint, Head, Tile, TreeHead

__all__ = [
    "Batch",
    "BatchKey",
    "BatchSequence",
    "Checkpoint",
    "DecisionEntry",
    "Deployment",
    "Head",
    "Pending",
    "SequenceGap",
    "ServedRequest",
    "Tile",
    "TreeHead",
]
