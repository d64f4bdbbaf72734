"""What the database holds: the catalogue of images, studies, sessions and answers."""

from evaluation.models.catalogue import Dataset, Image, Origin, OwnEntity
from evaluation.models.session import Answer, Invitation, OpenLink, Rater, Session, Side, Trial
from evaluation.models.study import (
    AuditEvent,
    ReadingList,
    Stimulus,
    StimulusTruth,
    Study,
    StudyImage,
    StudySecret,
    Use,
)

__all__ = [
    "Answer",
    "AuditEvent",
    "Dataset",
    "Image",
    "Invitation",
    "OpenLink",
    "Origin",
    "OwnEntity",
    "Rater",
    "ReadingList",
    "Session",
    "Side",
    "Stimulus",
    "StimulusTruth",
    "Study",
    "StudyImage",
    "StudySecret",
    "Trial",
    "Use",
]
