"""Photographs that are submitted: de-identified, reviewed, approved; only then let out."""
