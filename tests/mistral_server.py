"""A small server of Mistral's batch wire on loopback, for want of a real one: files, jobs, states, and what it refuses.

Source: mistralai 3.7.0 and its traffic; openapi.yaml of mistralai/platform-docs-public (read 2026-11-21). What is not
known of the service is left out: no row tells of a request that a cancel kept from starting.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings", "/v1/moderations")
ENDED = ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED")
_AT_ONCE = 8


@dataclass
class File:
    id: str
    filename: str
    purpose: str
    content: bytes
    sample_type: str
    created_at: int

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "sample_type": self.sample_type,
            "source": "upload" if self.sample_type == "batch_request" else "mistral",
            "num_lines": None,
        }


@dataclass
class Job:
    id: str
    asked: dict[str, Any]
    lines: list[Any]
    began: float
    status: str = "QUEUED"
    looks: int = 0
    output_file: str | None = None
    error_file: str | None = None
    completed_at: int | None = None
    good: list[Any] = field(default_factory=list)
    bad: list[Any] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "batch",
            "input_files": self.asked["input_files"],
            "metadata": self.asked.get("metadata"),
            "endpoint": self.asked["endpoint"],
            "model": self.asked.get("model"),
            "agent_id": None,
            "output_file": self.output_file,
            "error_file": self.error_file,
            "errors": [],
            "outputs": None,
            "status": self.status,
            "created_at": int(self.began),
            "total_requests": len(self.lines),
            "completed_requests": len(self.good) + len(self.bad),
            "succeeded_requests": len(self.good),
            "failed_requests": len(self.bad),
            "started_at": None if self.status == "QUEUED" else int(self.began),
            "completed_at": self.completed_at,
        }


class MistralServer:
    """The server; ``error_share`` of the requests fail, each takes ``latency`` seconds."""

    def __init__(self, error_share: float = 0.0, latency: float = 0.0) -> None:
        self.error_share, self.latency = error_share, latency
        self.files: dict[str, File] = {}
        self.jobs: dict[str, Job] = {}
        self.requests: list[str] = []
        self.lost_answers: set[str] = set()
        """Requests such as ``POST /v1/batch/jobs`` that are carried out once more, and not answered."""
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"state": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def kill(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def add_file(self, filename: str, purpose: str, content: bytes, kind: str) -> File:
        file = File(str(uuid.uuid4()), filename, purpose, content, kind, int(time.time()))
        self.files[file.id] = file
        return file

    def add_job(self, asked: dict[str, Any]) -> Job:
        lines = [
            json.loads(line) for line in self.files[asked["input_files"][0]].content.split(b"\n") if line
        ]
        job = Job(str(uuid.uuid4()), asked, lines, time.time())
        self.jobs[job.id] = job
        return job

    def look(self, job: Job) -> Job:
        """Bring a job to where it is by now; the first look finds it queued."""
        job.looks += 1
        if job.status in ENDED or job.looks == 1:
            return job
        passed = time.time() - job.began
        done = len(job.lines) if not self.latency else int(passed / self.latency * _AT_ONCE)
        for line in job.lines[len(job.good) + len(job.bad) : done]:
            self._answer(job, line)
        if job.status == "CANCELLATION_REQUESTED":
            self._end(job, "CANCELLED")
        elif done >= len(job.lines):
            self._end(job, "SUCCESS")
        else:
            job.status = "RUNNING"
        return job

    def _answer(self, job: Job, line: Any) -> None:
        number = len(job.good) + len(job.bad)
        row = {"id": f"batch-{job.id[:8]}-{number}-{uuid.uuid4()}", "custom_id": line["custom_id"]}
        if (number * 7 % 20) / 20 < self.error_share:
            said = {
                "object": "error",
                "message": "Service unavailable",
                "type": "unavailable",
                "code": "1001",
            }
            job.bad.append({**row, "response": {"status_code": 503, "body": said}, "error": None})
            return
        text = line["body"]["messages"][-1]["content"]
        message = {"role": "assistant", "content": f"Echo: {text}"}
        body = {
            "id": uuid.uuid4().hex,
            "object": "chat.completion",
            "model": job.asked.get("model"),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        job.good.append({**row, "response": {"status_code": 200, "body": body}, "error": None})

    def _end(self, job: Job, status: str) -> None:
        job.status, job.completed_at = status, int(time.time())
        for rows, kind in ((job.good, "batch_result"), (job.bad, "batch_error")):
            if rows:
                content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
                file = self.add_file(f"{job.id}_{kind}.jsonl", "batch", content, kind)
                if kind == "batch_result":
                    job.output_file = file.id
                else:
                    job.error_file = file.id


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: MistralServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if len(body) < int(self.headers.get("content-length", 0)):
            self.close_connection = True  # the client went away
            return
        url = urlsplit(self.path)
        route = f"{self.command} {url.path}"
        with self.state.lock:
            self.state.requests.append(f"{self.command} {self.path}")
            status, value = self._routed(url.path, parse_qs(url.query), body)
            if route in self.state.lost_answers:
                self.state.lost_answers.remove(route)
                self.close_connection = True
                return
        self._send(status, value)

    def _send(self, status: int, value: Any) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        kind = "application/octet-stream" if isinstance(value, bytes) else "application/json"
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _routed(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if not self.headers.get("authorization", "").startswith("Bearer "):
            return 401, _error("Unauthorized", "unauthorized")
        where = path.removeprefix("/v1").strip("/").split("/")
        match self.command, where:
            case "POST", ["files"]:
                return self._upload(body)
            case "GET", ["files"]:
                kept = [
                    f for f in self.state.files.values() if f.purpose in query.get("purpose", [f.purpose])
                ]
                return 200, _page([file.shown() for file in kept], query)
            case method, ["files", file_id, *rest]:
                return self._file(method, file_id, rest)
            case "POST", ["batch", "jobs"]:
                return self._create(json.loads(body))
            case "GET", ["models"]:
                return 200, {"object": "list", "data": [_model("simulate")]}
            case "GET", ["batch", "jobs"]:
                jobs = [job.shown() for job in self.state.jobs.values()]
                return 200, _page(jobs[::-1] if query.get("order_by") == ["-created"] else jobs, query)
            case method, ["batch", "jobs", job_id, *rest]:
                return self._job(method, job_id, rest)
        return 404, {"detail": "Not Found"}

    def _upload(self, body: bytes) -> tuple[int, Any]:
        fields, filename = {}, ""
        boundary = self.headers["content-type"].partition("boundary=")[2].encode()
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            name = re.search(rb'name="([^"]*)"', head)
            if name is None:
                continue
            fields[name[1].decode()] = content[:-2]
            if (named := re.search(rb'filename="([^"]*)"', head)) is not None:
                filename = named[1].decode()
        if "file" not in fields:
            return 422, _invalid(["body", "file"], "Field required")
        purpose = fields.get("purpose", b"").decode()
        return 200, self.state.add_file(filename, purpose, fields["file"], "batch_request").shown()

    def _file(self, method: str, file_id: str, rest: list[str]) -> tuple[int, Any]:
        file = self.state.files.get(file_id)
        if not _is_uuid(file_id):
            return 422, _invalid(["path", "file_id"], "Input should be a valid UUID")
        if file is None:
            return 404, _error("File not found", "not_found")
        match method, rest:
            case "GET", []:
                return 200, file.shown()
            case "GET", ["content"]:
                return 200, file.content
            case "DELETE", []:
                del self.state.files[file_id]
                return 200, {"id": file_id, "object": "file", "deleted": True}
        return 405, {"detail": "Method Not Allowed"}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        known = {"input_files", "requests", "endpoint", "model", "agent_id", "metadata", "timeout_hours"}
        for name in asked.keys() - known:
            return 422, _invalid(["body", name], "Extra inputs are not permitted")
        if asked.get("endpoint") not in ENDPOINTS:
            return 422, _invalid(["body", "endpoint"], f"Input should be one of {ENDPOINTS}")
        hours = asked.get("timeout_hours", 24)
        if not isinstance(hours, int) or not 0 < hours < 168:
            return 422, _invalid(["body", "timeout_hours"], "Input should be less than 168")
        for name, value in (asked.get("metadata") or {}).items():
            if not (1 <= len(name) <= 32 and 1 <= len(value) <= 512):
                return 422, _invalid(["body", "metadata", name], "String should have at most 512 characters")
        if not all(file in self.state.files for file in asked.get("input_files", [""])):
            return 404, _error("Input file not found", "not_found")
        return 200, self.state.add_job(asked).shown()

    def _job(self, method: str, job_id: str, rest: list[str]) -> tuple[int, Any]:
        if not _is_uuid(job_id):
            return 422, _invalid(["path", "job_id"], "Input should be a valid UUID")
        job = self.state.jobs.get(job_id)
        if job is None:
            return 404, _error("Job not found", "not_found")
        match method, rest:
            case "GET", []:
                return 200, self.state.look(job).shown()
            case "POST", ["cancel"]:
                if job.status not in ENDED:
                    job.status = "CANCELLATION_REQUESTED"
                return 200, job.shown()
            case "DELETE", []:
                del self.state.jobs[job_id]
                return 200, {"id": job_id, "object": "batch", "deleted": True}
        return 405, {"detail": "Method Not Allowed"}


def _page(items: list[Any], query: dict[str, list[str]]) -> Any:
    size, number = int(query.get("page_size", ["100"])[0]), int(query.get("page", ["0"])[0])
    return {"object": "list", "data": items[number * size : (number + 1) * size], "total": len(items)}


def _model(name: str) -> Any:
    capabilities = {"completion_chat": True, "fine_tuning": False}
    more = {"owned_by": "mistralai", "capabilities": capabilities, "max_context_length": 32_768}
    return {"id": name, "object": "model", "created": 1_735_689_600, **more}


def _error(message: str, kind: str) -> Any:
    return {"object": "error", "message": message, "type": kind, "code": None}


def _invalid(place: list[str], message: str) -> Any:
    return {"detail": [{"loc": place, "msg": message, "type": "value_error"}]}


def _is_uuid(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return str(uuid.UUID(text)) == text
    return False
