"""A pipeline with the official client: a request file in, a file of answers out.

Usage: python openai_pipeline.py REQUESTS ANSWERS; the client reads OPENAI_BASE_URL and OPENAI_API_KEY.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from openai import OpenAI

ENDED = ("completed", "failed", "expired", "cancelled")
PAUSE = 0.5


def main(requests: Path, answers: Path) -> int:
    """Run one batch to its end, and keep every answer and every error that it left."""
    with OpenAI(max_retries=5) as client:
        file = client.files.create(file=requests, purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        while batch.status not in ENDED:
            time.sleep(PAUSE)
            batch = client.batches.retrieve(batch.id)
        with answers.open("wb") as target:
            for file_id in (batch.output_file_id, batch.error_file_id):
                if file_id is not None:
                    target.write(client.files.content(file_id).content)
    sys.stdout.write(f"{batch.id} {batch.status}\n")
    return 10 if batch.status == "failed" else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
