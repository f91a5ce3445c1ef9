"""Answers one question: which runbook explains this error, and what does it say? Knows nothing of AWS or Slack."""
