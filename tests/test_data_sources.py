"""Sources: mapped files larger than memory, folders of images and sounds, text, CSV."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from minigrad.data import DataError, Dataset, csv, image_folder, text_lines, wav_folder
from minigrad.data.sources import read_rows

ROOT = Path(__file__).resolve().parent.parent


# ---- arrays in files

BIG = """
import resource, sys
import numpy as np
import minigrad as mg
from minigrad import layers
x = np.load(sys.argv[1], mmap_mode="r")
assert x.nbytes > 20e9
y = np.arange(len(x)) % 2
model = mg.Sequential([layers.Dense(2, "softmax")])
model.compile("sgd", "sparse_categorical_crossentropy")
data = mg.data.Dataset((x, y)).shuffle(seed=0).batch(1024).prefetch(2)
for step, (a, b) in enumerate(data):
    assert type(a) is np.ndarray and a.shape == (1024, 1000)
    model.train_step(a, b)
    if step == 150:  # 0.6 GB of rows, in pages of twice that
        break
for a, b in mg.data.Dataset((x, np.arange(len(x)))).skip(len(x) - 2).batch(2):
    print(a[0, 0], a[1, 999], b.tolist())
if sys.platform == "linux":  # where ru_maxrss begins with what the parent had when it started this process
    peak = 1024 * int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak)
"""


def test_a_file_of_20_gb_is_trained_on_in_less_than_1_gb(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / "big.npy"
    rows = 5_010_000
    big = np.lib.format.open_memmap(path, "w+", "float32", (rows, 1000))  # holes, but for what is written
    big[-2, 0], big[-1, 999] = 3, 4
    big.flush()
    del big
    try:
        assert path.stat().st_blocks * 512 < 100e6, "this file system has no sparse files"
        run = subprocess.run([sys.executable, "-c", BIG, str(path)], capture_output=True, text=True, timeout=300,
                             env={**os.environ, "PYTHONPATH": str(ROOT)})
    finally:
        path.unlink()
    assert run.returncode == 0, run.stderr
    last, peak = run.stdout.splitlines()
    assert last == f"3.0 4.0 [{rows - 2}, {rows - 1}]"
    assert int(peak) < 1e9


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_a_mapped_file_are_those_of_the_array(tmp_path, order):
    rng = np.random.default_rng(0)
    x = np.asarray(rng.standard_normal((50, 3, 2)), order=order)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for indices in [range(3, 9), range(0, 50, 7), [4, 4, 0, 49, 2], np.array([], int)]:
        got = read_rows(mapped, indices)
        assert type(got) is np.ndarray and np.array_equal(got, x[np.asarray(indices, int)])
        assert not np.shares_memory(got, mapped)
    batches = list(Dataset((mapped, mapped[:, 0])).shuffle(1).batch(8))
    plain = list(Dataset((x, x[:, 0])).shuffle(1).batch(8))
    assert all(np.array_equal(a, c) and np.array_equal(b, d) for (a, b), (c, d) in zip(batches, plain))
    assert "mapped from files" in repr(Dataset(mapped)) and "mapped" not in repr(Dataset(x))


def test_a_mapped_files_rows_are_read_in_their_order(monkeypatch):
    asked = []

    class OnDisk:  # as h5py's data sets
        shape, dtype = (10,), np.dtype("int64")

        def __len__(self):
            return 10

        def __getitem__(self, key):
            asked.append(key if isinstance(key, slice) else np.asarray(key).tolist())
            return np.arange(10)[key] * 2

    assert read_rows(OnDisk(), [7, 1, 4]).tolist() == [14, 2, 8] and asked == [[1, 4, 7]]


def test_changes_to_a_copy_on_write_mapping_stay(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(100_000))
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[5] = 7
    assert read_rows(x, [5, 6]).tolist() == [7, 0] and x[5] == 7


def test_arrays_are_not_copied():
    x = np.arange(1000.0)
    assert all(np.shares_memory(a, x) for a in Dataset(x).batch(10))
    assert np.shares_memory(Dataset(x).shuffle(0)._source.data, x)


# ---- images

@pytest.fixture
def pictures(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for k, name in enumerate(["rose", "daisy"]):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(3):
            pixels = np.full((4 + i, 6, 3), [10 * i, 100 * k, 255], np.uint8)
            image.fromarray(pixels).save(tmp_path / name / ("more" if i == 2 else ".") / f"{i}.png")
    (tmp_path / "daisy" / "notes.txt").write_text("no image")
    (tmp_path / "daisy" / ".hidden.png").write_text("no image either")
    return tmp_path


@pytest.mark.parametrize("workers", [0, 3])
def test_image_folder(pictures, workers):
    d = image_folder(pictures, size=(5, 4), workers=workers)
    assert d.class_names == ["daisy", "rose"] and len(d) == 6 and d.labels.tolist() == [0, 0, 0, 1, 1, 1]
    found = list(d)
    assert [int(y) for _, y in found] == [0, 0, 0, 1, 1, 1]
    for i, (x, y) in enumerate(found):
        assert x.shape == (5, 4, 3) and x.dtype == "float32"
        np.testing.assert_allclose(x, np.broadcast_to([10 * (i % 3) / 255, (1 - y) * 100 / 255, 1], x.shape), atol=1e-6)
    x, y = next(iter(d.shuffle(seed=0).batch(6)))
    assert x.shape == (6, 5, 4, 3) and sorted(y) == [0, 0, 0, 1, 1, 1] and y.tolist() != [0, 0, 0, 1, 1, 1]
    train, test = d.split(2, stratify=True, seed=0)
    assert sorted(test.labels) == [0, 1] and train.class_names == d.class_names


def test_image_folder_modes_and_orientation(pictures):
    from PIL import Image
    gray = next(iter(image_folder(pictures, color_mode="grayscale", labels=None, scale=1)))
    assert gray.shape == (4, 6, 1) and abs(float(gray[0, 0, 0]) - 88) < 1  # .299 R + .587 G + .114 B
    assert next(iter(image_folder(pictures, color_mode="rgba")))[0].shape == (4, 6, 4)
    turned = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    (pictures / "z").mkdir()
    turned.save(pictures / "z" / "t.png", exif=exif)
    (x,) = image_folder(pictures / "z", color_mode="grayscale", labels=None, scale=1)
    assert x[..., 0].tolist() == np.rot90(np.arange(6).reshape(2, 3) * 40, -1).tolist()


def test_image_folder_faults(pictures, monkeypatch):
    (pictures / "rose" / "9.png").write_bytes((pictures / "rose" / "0.png").read_bytes()[:45])
    with pytest.raises(DataError, match=r"9\.png: cannot be read as an image"):
        list(image_folder(pictures))
    (pictures / "rose" / "9.png").unlink()
    with pytest.raises(DataError, match="different shapes.*padded_batch"):
        list(image_folder(pictures).batch(6))
    with pytest.raises(DataError, match="no such folder"):
        image_folder(pictures / "nothing")
    with pytest.raises(DataError, match="files without sub-folders.*labels=None"):
        image_folder(pictures / "daisy" / "more")
    (pictures / "empty").mkdir()
    with pytest.raises(DataError, match="no files for this data set"):
        image_folder(pictures / "empty", labels=None)
    with pytest.raises(ValueError, match="did you mean 'grayscale'"):
        image_folder(pictures, color_mode="greyscale")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"minigrad\[images\]"):
        image_folder(pictures)


# ---- sounds

def write_wav(path, samples, rate=8000):
    with wave.open(str(path), "wb") as file:
        samples = np.asarray(samples)
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def test_wav_folder(tmp_path):
    for name in "yes", "no":
        (tmp_path / name).mkdir()
    write_wav(tmp_path / "no" / "a.wav", np.array([0, 16384, -32768], "<i2"))
    write_wav(tmp_path / "no" / "b.wav", np.array([128, 0, 192], "u1"))
    write_wav(tmp_path / "yes" / "c.wav", np.array([[16384, 0], [-16384, -16384]], "<i2"))
    d = wav_folder(tmp_path)
    assert d.class_names == ["no", "yes"]
    assert [(x.tolist(), int(y)) for x, y in d] == [([0, 0.5, -1], 0), ([0, -1, 0.5], 0), ([0.25, -0.5], 1)]
    assert all(x.dtype == "float32" for x, _ in d)
    x, y = next(iter(wav_folder(tmp_path, length=4).batch(3)))
    assert x.tolist() == [[0, 0.5, -1, 0], [0, -1, 0.5, 0], [0.25, -0.5, 0, 0]]
    assert [x.shape for x in wav_folder(tmp_path, labels=None, mono=False)] == [(3, 1), (3, 1), (2, 2)]
    tone = np.sin(2 * np.pi * 200 * np.arange(4000) / 8000)
    write_wav(tmp_path / "yes" / "c.wav", (tone * 20000).astype("<i2"))
    *_, (x, _) = wav_folder(tmp_path, rate=16000)
    assert len(x) == 8000
    np.testing.assert_allclose(x[100:-100], np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)[100:-100] * 20000 / 32768,
                               atol=2e-3)
    (tmp_path / "yes" / "d.wav").write_bytes(b"RIFFxxxxWAVE")
    with pytest.raises(DataError, match=r"d\.wav: cannot be read as WAV"):
        list(wav_folder(tmp_path))
    with pytest.raises(DataError, match="wrong rate"):
        wav_folder(tmp_path, rate=0)


# ---- text

def test_text_lines(tmp_path, monkeypatch):
    from minigrad.data import text
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    a.write_bytes("one\n\ntwo ä\r\nthree".encode())
    b.write_bytes(b"four\n")
    lines = ["one", "", "two ä", "three", "four"]
    for piece in (1 << 24, 3):  # read in pieces that cut lines
        monkeypatch.setattr(text, "PIECE", piece)
        d = text_lines([a, b])
        assert list(d) == lines and len(d) == 5
    assert [batch.tolist() for batch in d.batch(3)] == [lines[:3], lines[3:]]
    shuffled = [v for batch in d.shuffle(seed=2).batch(2) for v in batch.tolist()]
    assert sorted(shuffled) == sorted(lines) and shuffled != lines
    assert list(d.map(len)) == [3, 0, 5, 5, 4]
    b.write_bytes(b"four\n\xff\n")
    with pytest.raises(DataError, match=r"b\.txt: line 2 is no utf-8 text: .*0xff"):
        list(text_lines([a, b]))
    assert list(text_lines(b, "latin-1")) == ["four", "ÿ"]
    with pytest.raises(DataError, match="cannot be read"):
        text_lines(tmp_path / "none")
    with pytest.raises(DataError, match="utf-16"):
        text_lines(a, "utf-16")
    b.write_bytes(b"")
    with pytest.raises(DataError, match="no lines"):
        text_lines(b)


# ---- CSV

PASSENGERS = """name,age,fare,sex,survived
"Braund, Mr. Owen",22,7.25,male,0
Cumings,38,71.2833,female,1
Heikkinen,,7.925,female,1
Moran,NA,8.4583,,0
"""


def test_csv(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("\ufeff" + PASSENGERS, encoding="utf-8")
    t = csv(path, target="survived", columns=["age", "fare", "sex"])
    assert t.names == ["age", "fare", "sex"] and t.numbers == ["age", "fare"] and t.texts == ["sex"] and len(t) == 4
    assert t.y.dtype == "int64" and t.y.tolist() == [0, 1, 1, 0] and t.class_names is None
    np.testing.assert_array_equal(t["age"], [22, 38, np.nan, np.nan])
    assert t["sex"].tolist()[:3] == ["male", "female", "female"] and np.isnan(t["sex"][3])
    assert t.x.dtype == object and t.x.shape == (4, 3) and t.where("sex", "age") == [2, 0]
    numbers = csv(path, target="name", columns=["age", "fare"])
    assert numbers.x.dtype == "float32" and numbers.y.tolist() == [0, 1, 2, 3]
    assert numbers.class_names[0] == "Braund, Mr. Owen"
    x, y = next(iter(numbers.dataset().batch(4)))
    assert x.shape == (4, 2) and np.isnan(x[2, 0])
    assert repr(t).splitlines()[:3] == ["Table of 4 rows", "  column             kind     missing  values",
                                        "  age                numbers        2  22 ... 38, mean 30"]
    assert csv(path, texts=["age"])["age"].tolist()[:2] == ["22", "38"]
    plain = tmp_path / "q.csv"
    plain.write_text("1;2\n3;4\n")
    assert csv(plain, target="1", delimiter=";", header=False).x.tolist() == [[1], [3]]


@pytest.mark.parametrize("text, keywords, words", [
    ("a,b\n1,2\n3\n", {}, r"line 3 does not fit: expected 2 cells, as in line 1, got 1"),
    ('a,b\n1,2\n"x\ny",3,4\n', {}, r"line 4 does not fit"),
    ("a,b\n1,2\n\nx,3\n", {"numbers": ["a"]}, r"line 4, column 'a'.*'x'"),
    ("a,b\n1,2\n3,\n", {"target": "b"}, r"line 3: the target 'b' is missing"), ("a,a\n1,2\n", {}, "one name"),
    ("a,b\n", {}, "no rows"), ("", {}, "no rows"), ('a\n"x"y\n', {}, "line 2 is no CSV"), ("a\n\udcff\n", {}, "no utf-8"),
])
def test_csv_faults_name_the_line(tmp_path, text, keywords, words):
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=words):
        csv(path, **keywords)


def test_csv_of_nothing_and_of_unknown_columns(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        csv(tmp_path / "none.csv")
    (tmp_path / "f.csv").write_text("age,fare\n1,2\n")
    with pytest.raises(ValueError, match="did you mean 'fare'"):
        csv(tmp_path / "f.csv", target="far")
    with pytest.raises(ValueError, match="did you mean 'age'"):
        csv(tmp_path / "f.csv")["aeg"]


def test_minigrad_starts_without_what_only_folders_need():
    code = ("import sys, minigrad\n"
            "print([m for m in ('PIL', 'sklearn', 'scipy.io', 'scipy.signal', 'matplotlib') if m in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert run.stdout.strip() == "[]", (run.stdout, run.stderr)
