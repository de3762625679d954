"""Seeing inside: what layers cost, what the tape recorded, how training went."""
