#!/bin/sh
# Submit a file, wait, fetch the results, and act on the exit code of each step.
# Usage: nightly.sh MESSAGES OUTPUT [MODEL]
# Run it again after a crash, a kill or a reboot: it goes on where it was and submits nothing twice.
set -u

messages=$1
output=$2
model=${3:-local/simulate}

id=$(batch-cli submit "$messages" --model "$model" --response-model examples.User --quiet) || {
    code=$?
    case $code in
    3) echo "the messages file is not valid, nothing was sent" >&2 ;;
    4) echo "the key is missing or refused" >&2 ;;
    9) echo "another run is submitting the same file" >&2 ;;
    esac
    exit "$code"
}

batch-cli wait "$id" --max-wait 24h --quiet
case $? in
0 | 7 | 10) ;; # ended: all good, some failed, none good; the results say which
8) echo "not finished after a day; run this line again: batch-cli wait $id" >&2 && exit 8 ;;
*) exit 1 ;;
esac

batch-cli results "$id" --output-file "$output" --quiet
code=$?
case $code in
0) echo "every request has a good answer: $output" ;;
7) echo "some requests failed; their rows in $output say why" >&2 ;;
10) echo "not one good answer" >&2 ;;
esac
exit "$code"
