"""Gradients against finite differences: `gradcheck`, `gradgradcheck`, and the report of what differs."""

from minigrad.gradcheck.check import gradcheck, gradgradcheck
from minigrad.gradcheck.report import GradientReport
