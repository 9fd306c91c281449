"""Talks to radiology information systems: the only room that knows HL7."""
