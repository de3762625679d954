"""Timing in turn: what is compared runs pair by pair, so that a noisy machine disturbs all alike."""

import gc
import random
import statistics
import time

import numpy as np

FEWEST = 3   # repeats of what is slow
REST = 0.12  # seconds before each step: threads of the one before (OpenBLAS's, OpenMP's) spin for up to 0.1 s, on a core


def in_turn(steps, repeats, warm_up=3, seed=0, clock=time.perf_counter, rest=REST):
    """{name: seconds of each repeat} of steps in this process, with the collector off."""
    def timed(step):
        def measure():
            start = clock()
            step()
            return clock() - start
        return measure

    gc.collect()
    gc.disable()
    try:
        return told_in_turn({name: timed(step) for name, step in steps.items()}, repeats, warm_up, seed, rest)
    finally:
        gc.enable()


def told_in_turn(measures, repeats, warm_up=3, seed=0, rest=0.0, patience=np.inf):
    """{name: the seconds that each repeat said}: every repeat calls all measures once, in random order.

    rest      seconds between two of them: libraries let threads wait by spinning for a while, on cores that the next needs
    patience  seconds for each of them: what has had them (and been called FEWEST times) is left out of further repeats
    """
    shuffle = random.Random(seed).sample
    for measure in measures.values():
        for _ in range(warm_up):
            measure()
    seconds, spent = {name: [] for name in measures}, dict.fromkeys(measures, 0.0)
    for repeat in range(repeats):
        for name in shuffle(list(measures), len(measures)):
            if repeat >= FEWEST and spent[name] > patience:
                continue
            time.sleep(rest)
            start = time.perf_counter()
            seconds[name].append(measures[name]())
            spent[name] += time.perf_counter() - start
    return seconds


def ratio(ours, theirs, resamples=2000, seed=0):
    """The median of the pairwise ratios ours / theirs, and its 95 % bootstrap interval: (median, low, high)."""
    pairs = min(len(ours), len(theirs))  # the first ones of both were measured side by side
    ratios = np.asarray(ours[:pairs]) / np.asarray(theirs[:pairs])
    rng = np.random.default_rng(seed)
    medians = np.median(rng.choice(ratios, (resamples, len(ratios))), axis=1)
    return (statistics.median(ratios), *np.quantile(medians, (0.025, 0.975)).tolist())
