"""How minigrad is installed: `pip install .`, or `pip install '.[plot]'` with an extra."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def version():
    """`__version__` of minigrad/__init__.py, read as text: importing it would need what is not installed yet."""
    source = (HERE / "minigrad" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"', source, re.MULTILINE).group(1)


EXTRAS = {
    "gpu": ["cupy-cuda13x>=14.2"],           # for CUDA 13
    "gpu12": ["cupy-cuda12x>=14.2"],         # for CUDA 12; one of the two
    "plot": ["matplotlib"],
    "images": ["pillow"],
    "text": ["tokenizers"],
    "onnx": ["onnx"],
    "mpi": ["mpi4py"],
    "sklearn": ["scikit-learn"],
    "tensorboard": ["tensorboard"],
    "test": ["pytest>=7", "hypothesis", "matplotlib", "ruff"],
    # what tests and benchmarks compare with, when it is there
    "oracles": ["torch", "scikit-learn", "keras", "tensorboard", "transformers", "tokenizers"],
}
EXTRAS["test"] += EXTRAS["images"] + EXTRAS["sklearn"]

setup(
    name="minigrad",
    version=version(),
    description="A deep-learning framework on NumPy and CuPy, written to be read",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the minigrad developers",
    license="MIT",
    license_files=["LICENSE", "minigrad/data/files/*/LICENSE"],
    keywords="deep learning, neural networks, automatic differentiation, backpropagation, numpy, cupy, education",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=["minigrad", "minigrad.*"]),
    package_data={"minigrad.data": ["files/**/*"]},
    zip_safe=False,
    install_requires=["numpy>=2", "scipy", "rich", "safetensors", "threadpoolctl"],
    extras_require=EXTRAS,
)
