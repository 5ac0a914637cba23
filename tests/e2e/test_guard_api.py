# SPDX-License-Identifier: Apache-2.0
"""What guard calls answer beside the contract: batches, moderations, explanations, redaction, shadow policies. The
kernel treats the new paths as it treats /v1/guard/check."""
import json

import pytest

from clients import UNKNOWN_KEY, ask

HARM = "I will stab him."
NEW_PATHS = ["/v1/guard/batch", "/v1/moderations"]


def post(network, key, path, status=200, **members):
    reply = ask(network, "POST", path, json.dumps(members).encode(), key=key)
    assert reply.status == status, reply
    return reply.json()


@pytest.mark.parametrize("path", NEW_PATHS)
def test_the_kernel_refuses_unknown_keys(network, daemon, path):
    reply = ask(network, "POST", path, b"{}", key=UNKNOWN_KEY)
    assert (reply.status, reply.by_kernel) == (401, True)
    assert reply.json() == {"detail": "Invalid or missing API key"}


@pytest.mark.parametrize("path", NEW_PATHS)
def test_sizes_and_methods(network, daemon, key, path):
    reply = ask(network, "POST", path, b"a" * 262145, key=key)
    assert (reply.status, reply.json()) == (413, {"error": "request body too large", "limit_bytes": 262144})
    reply = ask(network, "GET", path)
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    assert ask(network, "POST", path, b"{", key=key).json() == {"detail": "Body must be valid JSON"}
    assert ask(network, "POST", path, b"{}", key=None).status == 401


def test_a_batch_answers_as_single_calls_do(network, daemon, key):
    texts = ["What is the weather today?", HARM, "", "\u00e4" * 1000, "a\0b"]
    results = post(network, key, "/v1/guard/batch", texts=texts)["results"]
    assert len(results) == len(texts)
    for text, result in zip(texts, results):
        single = post(network, key, "/v1/guard/check", text=text)
        for answer in (single, result):
            answer.pop("decision_id")
            answer["intent"].pop("signature")
        assert result == single


def test_explanations_are_places_in_the_text(network, daemon, key):
    text = "\U0001f600 \u00e4 " + HARM
    reasons = post(network, key, "/v1/guard/check", text=text, explain=True)["intent"]["explanation"]
    assert any("stab him" in text[reason["begin"]:reason["end"]] for reason in reasons)


def test_redaction(network, daemon, key):
    answer = post(network, key, "/v1/guard/output", text="Write to ada@example.com.", redact=True)
    assert answer["redacted"] == "Write to [EMAIL]."
    assert answer["pii"]["types"] == ["email"]
    assert {"redacted", "pii"}.isdisjoint(post(network, key, "/v1/guard/output", text="Write to ada@example.com."))


def test_moderations(network, daemon, key):
    answer = post(network, key, "/v1/moderations", input=["hello", HARM])
    assert [result["flagged"] for result in answer["results"]] == [False, True]
    assert answer["results"][1]["categories"]["violence"]
    assert answer["id"].startswith("modr-")
    post(network, key, "/v1/moderations", status=400, input=[])
