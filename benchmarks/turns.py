"""Timing in turn: what is compared runs pair by pair in one process, so that a noisy machine disturbs all alike."""

import gc
import random
import statistics
import time

import numpy as np

REST = 0.12  # seconds before each step: threads of the one before (OpenBLAS's, OpenMP's) spin for up to 0.1 s, on a core


def in_turn(steps, repeats, warm_up=3, seed=0, clock=time.perf_counter, rest=REST):
    """{name: seconds of each repeat}: every repeat runs all steps once, in random order, with the collector off."""
    shuffle = random.Random(seed).sample
    for step in steps.values():
        for _ in range(warm_up):
            step()
    seconds = {name: [] for name in steps}
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for name in shuffle(list(steps), len(steps)):
                time.sleep(rest)
                start = clock()
                steps[name]()
                seconds[name].append(clock() - start)
    finally:
        gc.enable()
    return seconds


def ratio(ours, theirs, resamples=2000, seed=0):
    """The median of the pairwise ratios ours / theirs, and its 95 % bootstrap interval: (median, low, high)."""
    ratios = np.asarray(ours) / np.asarray(theirs)
    rng = np.random.default_rng(seed)
    medians = np.median(rng.choice(ratios, (resamples, len(ratios))), axis=1)
    return (statistics.median(ratios), *np.quantile(medians, (0.025, 0.975)).tolist())
