#!/bin/sh
# The main job on the local engine, as `make demo` runs it: no key, no network.
# Leaves batch_requests.jsonl, local_batch_id.txt, results.jsonl and results.jsonl.meta.json here.
set -eu

batch-cli create --messages-file examples/prompts.jsonl --model local/simulate \
    --response-model examples.User --output-file batch_requests.jsonl
batch-cli create-from-file --file-path batch_requests.jsonl --model local/simulate
batch-cli wait
batch-cli results --output-file results.jsonl
batch-cli results --format table
