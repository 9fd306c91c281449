"""What a row of findings comes down to, in SQL: the same as `domain.findings.Findings.verdict`."""

from __future__ import annotations

from typing import Final

from domain.findings import Label, Outcome, Verdict

VERDICT: Final = f"""CASE
    WHEN outcome <> '{Outcome.CLASSIFIED}' THEN outcome
    WHEN label = '{Label.NORMAL}' THEN '{Verdict.NEGATIVE}' ELSE '{Verdict.POSITIVE}'
END"""
"""An expression over `findings`."""
