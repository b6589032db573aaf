"""What a person at a terminal sees."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.support import clean_environment, structured, write_lines


class Terminal:
    """A command on a pseudo-terminal: what it writes to either stream, and answers typed to it."""

    def __init__(self, directory: Path, *words: str, **env: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "batch_cli", *words],
            cwd=directory,
            env={**clean_environment(directory), "TERM": "xterm-256color", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def read_until(self, condition: Callable[[str], bool], seconds: float = 30) -> str:
        end = time.monotonic() + seconds
        while not condition(self.text):
            assert time.monotonic() < end, self.text
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode("utf-8", "replace")
                except OSError:  # the other end is closed
                    break
        return self.text

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def finish(self) -> int:
        self.read_until(lambda _text: False if self.process.poll() is None else not self._more())
        code = self.process.wait(30)
        os.close(self.master)
        return code

    def _more(self) -> bool:
        return bool(select.select([self.master], [], [], 0)[0])


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", f"I'm Ada, {n % 90 + 1}.") for n in range(300)])
    return tmp_path


def test_waiting_shows_a_bar_and_takes_it_away(requests: Path) -> None:
    terminal = Terminal(
        requests, "submit", "r.jsonl", "-m", "local/simulate", "--wait", "--simulate-latency", "20"
    )

    text = terminal.read_until(lambda text: "/300" in text)
    assert "running" in text
    assert terminal.finish() == 0
    assert "completed, 300 requests" in terminal.text
    assert terminal.text.rfind("\x1b[?25h") > terminal.text.rfind("\x1b[?25l"), "the cursor is back"


def test_ctrl_c_leaves_a_terminal_as_it_was_and_says_how_to_go_on(requests: Path) -> None:
    terminal = Terminal(
        requests, "submit", "r.jsonl", "-m", "local/simulate", "--wait", "--simulate-latency", "20"
    )
    terminal.read_until(lambda text: "/300" in text)

    os.killpg(terminal.process.pid, signal.SIGINT)

    assert terminal.finish() == 130
    assert "is paused: " in terminal.text
    assert "continue: batch-cli wait local_" in terminal.text
    assert terminal.text.rfind("\x1b[?25h") > terminal.text.rfind("\x1b[?25l")


@pytest.mark.parametrize(("answer", "code", "gone"), [("y\n", 0, True), ("n\n", 9, False), ("\n", 9, False)])
def test_a_question_is_asked_before_something_is_removed(
    requests: Path, process: Cli, answer: str, code: int, *, gone: bool
) -> None:
    process("submit", "r.jsonl", "-m", "local/simulate", "--wait", "-q")
    terminal = Terminal(requests, "delete")

    terminal.read_until(lambda text: "[y/N]" in text)
    terminal.type(answer)

    assert terminal.finish() == code
    assert (process("list").out == "") is gone


def test_in_ci_nothing_is_asked(requests: Path, process: Cli) -> None:
    process("submit", "r.jsonl", "-m", "local/simulate", "--wait", "-q")

    assert Terminal(requests, "delete", CI="true").finish() == 2


def test_tables_are_drawn_and_foreign_text_stays_text(tmp_path: Path, process: Cli) -> None:
    (tmp_path / "p.txt").write_text("\x1b[2J[bold]evil[/bold] \u202e?\n")
    process("submit", "p.txt", "-m", "local/simulate", "--wait", "-q")
    terminal = Terminal(tmp_path, "results", "--format", "table", COLUMNS="120")

    assert terminal.finish() == 0
    assert "\x1b[2J" not in terminal.text
    assert "\u202e" not in terminal.text
    assert "[bold]evil[/bold]" in terminal.text


def test_errors_have_a_sign_and_are_readable_without_colour(tmp_path: Path) -> None:
    plain = Terminal(tmp_path, "status", NO_COLOR="1")

    assert plain.finish() == 9
    assert plain.text.startswith("❌ Error: no batch id given")


def test_reading_a_terminal_says_what_is_awaited(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "submit", "-", "-m", "local/simulate", "--wait")

    terminal.read_until(lambda text: "reading standard input; end it with Ctrl-D" in text)
    terminal.type('{"prompt": "Hi"}\n\x04')

    assert terminal.finish() == 0


@pytest.mark.parametrize("form", ["lines", "raw", "objects", "text", "csv", "table"])
def test_results_drive_no_terminal_whatever_their_form(tmp_path: Path, form: str) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\x7f\u202egpj"
    body = {"choices": [{"message": {"content": f'{{"name": {json.dumps(evil)}}}'}}]}
    write_lines(tmp_path / "got.jsonl", [{"custom_id": evil, "response": {"status_code": 200, "body": body}}])
    got = json.dumps(json.loads((tmp_path / "got.jsonl").read_text()), ensure_ascii=False)
    (tmp_path / "got.jsonl").write_text(got + "\n")
    (tmp_path / "any.json").write_text('{"type": "object", "title": "Any"}')
    words = ("results", "--from-file", "got.jsonl", "-r", "any.json", "--format", form)
    output = () if form == "table" else ("-o", "-")

    terminal = Terminal(tmp_path, *words, *output, "--color", "never", "--progress", "none")

    assert terminal.finish() == 0
    assert "gpj" in terminal.text
    assert not [char for char in terminal.text if char in "\x07\x1b\x7f\x9b\u202e"]


def test_typed_prompts_are_shown_with_their_answers_and_nothing_in_them_is_obeyed(tmp_path: Path) -> None:
    hostile = "Say \x1b]0;owned\x07 it.\nError: none"
    words = (
        "run",
        "--prompt",
        "What is AI?",
        "--prompt",
        hostile,
        "-m",
        "local/simulate",
        "--progress",
        "none",
    )
    terminal = Terminal(tmp_path, *words)

    assert terminal.finish() == 0, terminal.text
    lines = terminal.text.replace("\r\n", "\n").split("\n")
    at = lines.index("Prompt: What is AI?")
    assert lines[at + 1].startswith("Response: Simulated answer")
    assert "Prompt: Say \\x1b]0;owned\\x07 it." in lines
    assert "  Error: none" in lines
    assert "Error: none" not in lines
    assert "\x1b]0;" not in terminal.text


def test_a_typed_prompt_without_an_answer_says_why_where_that_was_asked_for(tmp_path: Path) -> None:
    words = ("run", "--prompt", "Hi", "-m", "local/simulate", "--simulate-errors", "1", "--attempts", "1")
    short = Terminal(tmp_path, *words)
    assert short.finish() == 10
    long = Terminal(tmp_path, *words, "--return-error")
    assert long.finish() == 10

    assert "Response: (none)" in short.text
    assert "\r\nError: The server had an error (simulated).\r\nSuggestion: " in long.text
