"""Augmentation: layers that change their input at random in training, and leave it alone in evaluation."""

from minigrad.layers.augmentation.colour import RandomBrightness, RandomContrast
from minigrad.layers.augmentation.erasing import Cutout, RandomErasing
from minigrad.layers.augmentation.geometry import RandomCrop, RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from minigrad.layers.augmentation.mixing import CutMix, MixUp
from minigrad.layers.augmentation.sequences import FrequencyMask, TimeMask, TokenDropout
