"""What the database holds: the catalogue of images, studies, sessions and answers."""

from evaluation.models.catalogue import Dataset, Image, Origin, OwnEntity
from evaluation.models.sealed import (
    Certificate,
    ReadingList,
    Stimulus,
    StimulusTruth,
    StudySecret,
)
from evaluation.models.session import Answer, Invitation, OpenLink, Rater, Session, Side, Trial
from evaluation.models.signing_in import WrongPassword
from evaluation.models.study import Study, StudyImage, Use
from evaluation.models.teaching import Case, Collection
from evaluation.models.trail import AuditEvent

__all__ = [
    "Answer",
    "AuditEvent",
    "Case",
    "Certificate",
    "Collection",
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
    "WrongPassword",
]
