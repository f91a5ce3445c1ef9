"""Realistic logs of seven services and eight fault scenarios, seeded and reproducible."""
