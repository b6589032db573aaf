"""Whatever a provider does to the rows: every output row carries its own input's answer, or it fails loudly."""

from __future__ import annotations

import io
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_cli.model import BatchResult
from batch_cli.results import finish_rows, in_input_order, write_lines

ids = st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=1, max_size=30)


def answer(custom_id: str) -> BatchResult:
    return BatchResult(custom_id, response={"status_code": 200, "body": {"answers": custom_id}})


@settings(deadline=None)
@given(ids=ids, data=st.data())
def test_any_shuffle_and_loss_keeps_each_answer_with_its_request(ids: list[str], data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.sampled_from(ids), unique=True))
    arrived = data.draw(st.permutations(kept))
    sink = io.BytesIO()

    rows = in_input_order(ids, map(answer, arrived))
    summary = write_lines(finish_rows(rows, None), sink)

    written = [json.loads(line) for line in sink.getvalue().split(b"\n")[:-1]]
    assert [row["custom_id"] for row in written] == ids
    for row in written:
        if row["custom_id"] in kept:
            assert row["response"]["body"]["answers"] == row["custom_id"]
        else:
            assert row["error"]["type"] == "missing"
    assert (summary.ok, summary.missing) == (len(kept), len(ids) - len(kept))
