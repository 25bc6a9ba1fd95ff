"""A vLLM worker behind the frontend: its model, and messages by its chat template."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.support.client import fetch
from tests.support.process import Worker
from tests.support.vllm import LONGEST, MODEL, Start
from tests.support.waiting import eventually

PROMPT = "user: hi\nassistant: "
"""What the template of the tiny model makes of the message; each byte is a token."""


def test_messages_are_rendered_by_the_worker_that_has_registered_the_model(start: Start) -> None:
    options = ("--http-host", "127.0.0.1", "--http-port", "0")
    front = Worker([sys.executable, "-m", "dynamo.frontend", *options], {})
    try:
        front.address = front.line().removeprefix("frontend: http://").removesuffix("/v1")
        worker = start()
        worker.find_address()
        worker.wait_until_ready()
        eventually(lambda: fetch(front.address, "/health").status == 200 or None)
        [model] = fetch(front.address, "/v1/models").json["data"]
        assert (model["id"], model["max_model_len"]) == (MODEL, LONGEST)
        messages = [{"role": "user", "content": "hi"}]
        asked = {"model": MODEL, "messages": messages, "max_tokens": 3, "ignore_eos": True}
        answer = _post(front, asked)
        assert answer["usage"]["prompt_tokens"] == len(PROMPT)
        assert answer["usage"]["completion_tokens"] == 3
        assert answer["choices"][0]["finish_reason"] == "length"
        too_long = _post(front, {**asked, "messages": [{**messages[0], "content": "a" * 200}]})
        assert too_long["error"]["type"] == "invalid_request_error"
    finally:
        front.close()


def _post(front: Worker, body: dict[str, Any]) -> Any:
    url = f"http://{front.address}/v1/chat/completions"
    command = ["curl", "-sS", url, "-d", json.dumps(body)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)
