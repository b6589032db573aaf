from __future__ import annotations

import io
import json
from hashlib import sha256
from typing import Any

import pytest

from batch_cli.errors import ProblemLog, Severity
from batch_cli.jobs.check import rules_of
from batch_cli.model import Limits
from batch_cli.providers import load_codec
from batch_cli.providers.openai import OpenAICodec
from batch_cli.request_file import Scan, request_lines, scan
from tests.support import chat, structured


def check(
    data: bytes | list[Any],
    provider: str = "openai",
    *,
    limits: Limits | None = None,
    model: str | None = None,
) -> tuple[Scan, ProblemLog]:
    if isinstance(data, list):
        data = b"".join(json.dumps(line).encode() + b"\n" for line in data)
    codec = load_codec(provider) if limits is None else OpenAICodec("OpenAI", limits)
    log = ProblemLog()
    return scan(io.BytesIO(data), "r.jsonl", rules_of(codec, model), log), log


def codes(log: ProblemLog) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.line) for problem in log.kept]


def test_a_good_file_is_counted_and_hashed() -> None:
    lines = [structured("a", "x"), structured("b", "y")]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    found, log = check(data)

    assert (log.errors, log.warnings) == (0, 0)
    assert (found.requests, found.bytes, found.sha256) == (2, len(data), sha256(data).hexdigest())
    assert found.models == {"simulate": 2}
    assert found.urls == {"/v1/chat/completions": 2}


def test_the_schema_is_known_only_if_all_requests_ask_for_the_same() -> None:
    same, _ = check([structured("a", "x"), structured("b", "y")])
    mixed, _ = check([structured("a", "x"), chat("b")])

    assert same.schema is not None
    assert mixed.schema is None


def test_the_hash_is_over_the_lines_that_are_sent() -> None:
    line = json.dumps(chat("a")).encode()

    with_blank_end, _ = check(line + b"\n\n")
    without_line_end, _ = check(line)

    assert with_blank_end.sha256 == without_line_end.sha256 == sha256(line + b"\n").hexdigest()
    assert list(request_lines(io.BytesIO(line + b"\n\n"), Limits())) == [line]


def test_blank_lines_are_refused_in_the_middle_and_let_pass_at_the_end() -> None:
    line = json.dumps(chat("a")).encode()

    _, middle = check(b"\n" + line + b"\n")
    _, end = check(line + b"\n\n \n")

    assert codes(middle) == [("E208", 1)]
    assert (end.errors, [p.severity for p in end.kept]) == (0, [Severity.WARNING])


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "E107", None),
        (b"\n\n", "E107", None),
        (b"\xef\xbb\xbf" + json.dumps(chat("a")).encode(), "E101", 1),
        (b"\x1f\x8b\x08rest\n", "E106", 1),
        (b"PK\x03\x04rest\n", "E106", 1),
        (b"[\n  {}\n]\n", "E209", 1),
        (b'{\n  "a": 1\n}\n', "E209", 1),
        (b'[{"custom_id":"a"}]\n', "E209", 1),
        (b'{"custom_id": "a", "met', "E202", 1),
        (b'{"custom_id": "a", "met\n', "E201", 1),
        (b"7\n", "E207", 1),
        (b"[1]\n", "E207", 1),
    ],
)
def test_what_is_no_request_file_is_said_once_where_it_starts(
    data: bytes, code: str, line: int | None
) -> None:
    _, log = check(data)

    assert codes(log) == [(code, line)]


def test_a_messages_file_is_recognised() -> None:
    _, log = check([[{"role": "user", "content": "Hi"}]])

    assert codes(log) == [("E312", 1)]
    assert "this is a messages file, expected OpenAI format" in log.kept[0].message


def test_duplicate_keys_are_found_however_they_are_written() -> None:
    plain = b'{"custom_id":"a","custom_id":"b","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"x"}}\n'
    escaped = plain.replace(b'"custom_id":"b"', b'"custom\\u005fid":"b"').replace(b'"x"', b'"\\u0022\\u0022"')

    for data in (plain, escaped):
        _, log = check(data)
        assert codes(log) == [("E204", 1)]


def test_deep_nesting_is_a_problem_and_no_crash() -> None:
    _, log = check(b'{"custom_id":"a","body":' + b"[" * 300 + b"]" * 300 + b"}\n")

    assert codes(log) == [("E206", 1)]


def test_duplicate_ids_name_the_first_line() -> None:
    _, log = check([chat("a"), chat("b"), chat("a")])

    assert codes(log) == [("E307", 3)]
    assert log.kept[0].message == 'duplicate custom_id "a" (first on line 1)'
    assert log.kept[0].column == 15


def test_one_file_has_one_url() -> None:
    other = {**chat("b"), "url": "/v1/embeddings", "body": {"model": "simulate", "input": "x"}}

    _, log = check([chat("a"), other, {**other, "custom_id": "c"}])

    assert codes(log) == [("E309", 2)]
    assert "on line 1" in log.kept[0].message


def test_a_model_that_contradicts_the_command_line_is_said_once() -> None:
    _, log = check([chat("a"), chat("b")], model="gpt-4o")

    assert codes(log) == [("E315", 1)]
    assert '--model says "gpt-4o"' in log.kept[0].message


def test_limits_are_exact() -> None:
    lines = [chat("a"), chat("b")]
    size = sum(len(json.dumps(line)) + 1 for line in lines)

    assert check(lines, limits=Limits(requests=2, bytes=size))[1].errors == 0
    assert codes(check(lines, limits=Limits(requests=1))[1]) == [("E401", 2)]
    assert codes(check(lines, limits=Limits(bytes=size - 1))[1]) == [("E402", None)]
    assert codes(check(lines, limits=Limits(line_bytes=20))[1]) == [("E105", 1)]
    assert codes(check([chat("abc")], limits=Limits(id_length=2))[1]) == [("E404", 1)]


def test_one_file_has_one_model_where_the_provider_wants_it() -> None:
    other = {**chat("b"), "body": {**chat("b")["body"], "model": "m"}}
    lines = [chat("a"), other, {**other, "custom_id": "c"}]

    _, log = check(lines)

    assert codes(log) == [("E308", 2)]
    assert log.kept[0].message == 'more than one model: "m" here, "simulate" on line 1'
    assert codes(check(lines, "local")[1]) == []


def test_every_problem_is_counted_and_the_first_are_kept() -> None:
    _, log = check([{"custom_id": str(n)} for n in range(100)])

    assert log.errors == 300
    assert len(log.kept) == 20


def test_progress_is_reported_now_and_then() -> None:
    data = b"".join(json.dumps(chat(str(n))).encode() + b"\n" for n in range(10_001))
    seen: list[int] = []

    scan(io.BytesIO(data), "r", rules_of(load_codec("openai")), ProblemLog(), seen.append)

    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == 10_001


def test_a_duplicate_among_lines_of_one_pattern_names_its_first_line_and_column() -> None:
    lines = [chat(f"r{n}", f"text {n}") for n in range(1_000)]
    lines[700]["custom_id"] = "r5"
    lines[900]["custom_id"] = "r700"
    lines[901]["custom_id"] = "r5"

    _, log = check(lines)

    assert [problem.place for problem in log.kept] == ["r.jsonl:701:15", "r.jsonl:902:15"]
    assert log.kept[1].message == 'duplicate custom_id "r5" (first on line 6)'


def test_the_line_over_the_limit_is_named_among_lines_of_one_pattern() -> None:
    lines = [chat(str(n)) for n in range(10)]

    assert codes(check(lines, limits=Limits(requests=10))[1]) == []
    assert codes(check(lines, limits=Limits(requests=7))[1]) == [("E401", 8)]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ((b"text 7", b"text \xff"), "E102"),
        ((b"text 7", b"text \\ud800"), "E108"),
        ((b"text 7", b"text\t7"), "E104"),
        ((b"text 7", b'text" 7'), "E201"),
        ((b"text 7", b"text 7\\"), "E201"),
        ((b'"r7"', b'""'), "E303"),
        ((b'"r7"', b'"' + b"r" * 513 + b'"'), "E404"),
        ((b'"r7"', b'"r\\u0007"'), "E306"),
        ((b'{"custom_id": "r7", ', b'{"custom_id": "r7", "custom_id": "x", '), "E204"),
        ((b"user", b"robot"), "E304"),
    ],
)
def test_a_bad_line_between_good_ones_of_one_pattern_is_found(damage: tuple[bytes, bytes], code: str) -> None:
    lines = [json.dumps(chat(f"r{n}", f"text {n}")).encode() for n in range(20)]
    lines[7] = lines[7].replace(*damage)

    found, log = check(b"\n".join(lines))

    assert (code, 8) in codes(log)
    assert {problem.line for problem in log.kept} == {8}
    assert found.bytes == sum(len(line) + 1 for line in lines)


def test_a_blank_line_before_lines_of_a_known_pattern_is_refused() -> None:
    line = b'{"custom_id": "%d", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}\n'
    data = b"".join(line % n for n in range(5)) + b"\n" + b"".join(line % n for n in range(5, 9))

    assert codes(check(data)[1]) == [("E208", 6)]
