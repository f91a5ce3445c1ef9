"""The rules of a deployment: who is told of what, where, how often, and of what nobody is told. Pure."""

from dataflows.domain.rules.file import RulesError
from dataflows.domain.rules.judging import NO_RULES, Rules, parse_rules
from dataflows.domain.rules.terms import Severity, Silence, Subject, Verdict

__all__ = ["NO_RULES", "Rules", "RulesError", "Severity", "Silence", "Subject", "Verdict", "parse_rules"]
