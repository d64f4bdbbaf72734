"""Blinding audit: can a machine tell the arms of a study apart, and by what?"""
