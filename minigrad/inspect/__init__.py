"""Seeing inside: what layers cost, what the tape recorded, how training went."""

from minigrad.inspect import plots  # gives History its plot()
