"""Attacks by the thousand, each with a control arm in which the defence is missing."""
