"""datatrove's `DocumentTokenizer`: ids of documents in its own files, no words, no masks."""

import os
from pathlib import Path

from common import parse_options
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.tokens import DocumentTokenizer


def main() -> None:
    """Tokenize all files, a task a file."""
    options = parse_options(__doc__)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    folder = os.path.commonpath([str(Path(path).parent) for path in options.input])
    names = [str(Path(path).relative_to(folder)) for path in options.input]
    paths = Path(options.output) / "paths.txt"
    paths.parent.mkdir(parents=True, exist_ok=True)
    paths.write_text("\n".join(names) + "\n")
    LocalPipelineExecutor(
        pipeline=[
            ParquetReader(folder, paths_file=str(paths)),
            DocumentTokenizer(
                output_folder=f"{options.output}/tokens",
                tokenizer_name_or_path=f"{options.tokenizer}/tokenizer.json",
                shuffle_documents=False,
            ),
        ],
        tasks=len(names),
        workers=options.num_proc,
        logging_dir=f"{options.output}/logs",
    ).run()


if __name__ == "__main__":
    main()
