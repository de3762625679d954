"""Folders of images and of recordings, a sub-folder for each class: read when they are asked for."""

import os
import warnings
from pathlib import Path

import numpy as np

from minigrad.data.dataset import Dataset
from minigrad.data.errors import fault
from minigrad.data.prefetch import checked_count
from minigrad.data.sources import Source
from minigrad.names import checked_choice

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}


class Files(Source):
    """Elements (read(path), class), or read(path) alone where there are no classes."""

    def __init__(self, paths, labels, read, workers, name):
        self.paths, self.labels, self.read = paths, labels, read
        self.workers, self.name = checked_count(workers, name, "workers", 0), name

    def __len__(self):
        return len(self.paths)

    def element(self, i):
        """The content of file i, and its class."""
        x = self.read(self.paths[i])
        return x if self.labels is None else (x, self.labels[i])


def image_folder(path, size=None, color_mode="rgb", labels="folders", interpolation="bilinear", scale=1 / 255,
                 workers=0):
    """A Dataset of the images in a folder: elements (image, class), the image float32 (H, W, C), the class int64.

        dataset = mg.data.image_folder("flowers", size=(64, 64), workers=4)   # flowers/rose/1.jpg, flowers/tulip/2.png ...
        train, test = dataset.split(0.2, stratify=True, seed=0)

    Arguments:
        size: (H, W) that each becomes, or one number for both; None: as they are (all alike, if they are to be batched).
        color_mode: "rgb", "rgba" or "grayscale".
        labels: "folders": the sub-folders' names, sorted, are the classes (`dataset.class_names`); None: there are none,
            and elements are images alone.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos", as Pillow's; made smaller, pixels are averaged.
        scale: what the values 0 ... 255 are multiplied by.
        workers: threads that read ahead.
    An image is turned as its camera noted (EXIF). Needs Pillow.
    Raises:
        DataError: no such folder, or no images in it; where a file is read, that it is damaged, and which one it is.
    """
    image = _pillow()
    mode = MODES[checked_choice(color_mode, MODES, "color_mode")]
    filters = {name: getattr(image.Resampling, name.upper()) for name in ("nearest", "bilinear", "bicubic", "lanczos")}
    resample = filters[checked_choice(interpolation, filters, "interpolation")]
    size = (size, size) if hasattr(size, "__index__") else size
    if size is not None:
        size = tuple(checked_count(n, "image_folder", "size") for n in size)

    def read(file):
        from PIL import ImageOps
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", image.DecompressionBombWarning)
                with image.open(file) as opened:
                    picture = ImageOps.exif_transpose(opened).convert(mode)
                    if size is not None and picture.size != size[::-1]:
                        picture = picture.resize(size[::-1], resample)
                    pixels = np.asarray(picture, "float32") * np.float32(scale)
        except (OSError, SyntaxError, ValueError, image.DecompressionBombError, image.DecompressionBombWarning) as error:
            raise fault(file, "cannot be read as an image", "a whole image file", f"{type(error).__name__}: {error}",
                        "Delete or replace it.") from error
        return pixels[..., None] if pixels.ndim == 2 else pixels

    paths, classes, names = _found(path, IMAGES, labels, "image_folder")
    return Dataset.of(Files(paths, classes, read, workers, "image_folder"), names)


def wav_folder(path, rate=None, length=None, labels="folders", mono=True, workers=0):
    """A Dataset of the WAV files in a folder: elements (samples, class), samples float32 in [-1, 1], shape (T,), or (T, C)
    with mono=False.

    Arguments:
        rate: samples a second; a file with another rate is resampled to it. None: as it is.
        length: cut or padded with silence to so many samples. None: as they are.
        labels: as image_folder's; mono: whether channels are averaged; workers: threads that read ahead.
    Raises:
        DataError: no such folder, or no .wav files in it; where a file is read, that it is damaged, and which one it is.
    """
    for name, value in ("rate", rate), ("length", length):
        if value is not None:
            checked_count(value, "wav_folder", name)

    def read(file):
        from scipy.io import wavfile
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks that hold no sound
                own, samples = wavfile.read(file)
        except (OSError, ValueError, EOFError) as error:
            raise fault(file, "cannot be read as WAV", "a whole RIFF/WAVE file", str(error),
                        "Delete or replace it.") from error
        x = _in_unit_range(samples)
        x = x.mean(1) if mono and x.ndim == 2 else x[:, None] if not mono and x.ndim == 1 else x
        if rate is not None and own != rate:
            from scipy.signal import resample_poly
            x = resample_poly(x, rate, own, axis=0).astype("float32")
        if length is not None:
            x = np.pad(x[:length], [(0, max(0, length - len(x)))] + [(0, 0)] * (x.ndim - 1))
        return x

    paths, classes, names = _found(path, (".wav",), labels, "wav_folder")
    return Dataset.of(Files(paths, classes, read, workers, "wav_folder"), names)


def _in_unit_range(samples):
    """Samples as float32: integers are divided by the largest they could be; 8 bits are unsigned, with silence at 128."""
    if samples.dtype.kind == "f":
        return samples.astype("float32")
    if samples.dtype == np.uint8:
        return ((samples.astype("float32") - 128) / 128).astype("float32")
    return (samples / -float(np.iinfo(samples.dtype).min)).astype("float32")


def _found(path, endings, labels, where):
    """(the files with these endings, sorted; the class of each or None; the classes' names or None)"""
    path = Path(path)
    if not path.is_dir():
        raise fault(path, "no such folder", "a folder", "a file" if path.exists() else "nothing there", "Check the path.")
    if labels not in ("folders", None):
        raise fault(where, "wrong labels", '"folders" or None', repr(labels), "")
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")) if labels else [path]
    files = [(p, k) for k, folder in enumerate(folders) for p in _files(folder) if p.suffix.lower() in endings]
    if not files:
        loose = any(p.suffix.lower() in endings for p in path.iterdir())
        raise fault(path, "no files for this data set", f"{', '.join(endings)} in a sub-folder for each class" if labels
                    else f"{', '.join(endings)}", "files without sub-folders" if loose else "none",
                    "Pass labels=None for files without classes." if loose else "Check the path.")
    names = None if labels is None else [folder.name for folder in folders]
    return [p for p, _ in files], None if labels is None else np.array([k for _, k in files], "int64"), names


def _files(folder):
    return sorted(Path(parent) / name for parent, _, names in os.walk(folder) for name in names if not name.startswith("."))


def _pillow():
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("image_folder needs Pillow, which is not installed: pip install 'minigrad[images]'") from error
    return Image
