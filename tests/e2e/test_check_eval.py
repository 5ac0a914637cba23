# SPDX-License-Identifier: Apache-2.0
"""axfw check and axfw eval, without a daemon: verdicts, exit statuses, tables, what is wrong with a file."""
import gzip
import json
import os
import shutil
import subprocess

import pytest

from lab import BUILD, PATIENCE_S, REPO

COLUMNS = 80
HARM = "I will stab him."


@pytest.fixture(name="axfw")
def fixture_axfw(tmp_path_factory):
    cache = tmp_path_factory.getbasetemp() / "axfw-cache"

    def run(*words, text=""):
        return subprocess.run([str(BUILD / "axfw"), *map(str, words)], input=text, text=True, capture_output=True,
                              timeout=PATIENCE_S, check=False, env=dict(os.environ, AXFW_CACHE_DIR=str(cache)))
    return run


def test_check_says_yes_and_no(axfw, tmp_path):
    assert axfw("check", text="What is the weather today?").returncode == 0
    done = axfw("check", text=HARM)
    assert (done.returncode, done.stdout.split()[:2]) == (1, ["block", "HARM"])
    prompt = tmp_path / "prompt.txt"
    prompt.write_text(HARM, encoding="utf-8")
    assert axfw("check", prompt).returncode == 1
    assert axfw("check", tmp_path / "none.txt").returncode == 2


def test_check_in_json_is_the_apis_answer(axfw):
    done = axfw("check", "--json", "--explain", text="\u00e4\U0001f600 " + HARM)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["verdict"], answer["intent"]["class"]) == (1, "block", "HARM")
    places = [("\u00e4\U0001f600 " + HARM)[r["begin"]:r["end"]] for r in answer["intent"]["explanation"]]
    assert any("stab him" in place for place in places)
    assert "explanation" not in json.loads(axfw("check", "--json", text="hi").stdout)["intent"]


def test_check_with_a_policy(axfw, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"shadow": true, "additional_block_patterns": [{"class": "HARM", "regex": "project x"}]}',
                      encoding="utf-8")
    done = axfw("check", "--policy", policy, "--json", text="about Project X")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["verdict"], answer["shadow_verdict"]) == (0, "allow", "block")
    policy.write_text('{"version": 2}', encoding="utf-8")
    done = axfw("check", "--policy", policy, text="hi")
    assert done.returncode == 2 and "Unsupported policy version 2" in done.stderr


ROWS = [{"text": HARM, "label": "block", "name": "a"}, {"text": "hello", "label": "block", "name": "a"},
        {"text": "hello", "label": "allow", "name": "b"}, {"text": HARM, "label": "allow", "name": "b"},
        {"text": "good morning", "label": "allow", "name": "b"}]


@pytest.mark.parametrize("opened", [open, gzip.open], ids=["plain", "gzip"])
def test_eval_counts(axfw, tmp_path, opened):
    path = tmp_path / "rows"
    with opened(path, "wt", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in ROWS))
    done = axfw("eval", path, "--json")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["sources"] == [{"name": "a", "block": 2, "allow": 0, "tp": 1, "fp": 0},
                                 {"name": "b", "block": 0, "allow": 3, "tp": 0, "fp": 1}]
    assert 0 < answer["median_us"] <= answer["p99_us"]
    table = axfw("eval", path).stdout
    assert "50.0 %" in table and "33.3 %" in table and "macro" in table
    assert max(map(len, table.splitlines())) <= COLUMNS


def test_eval_says_which_line_is_wrong(axfw, tmp_path):
    path = tmp_path / "rows"
    path.write_text(json.dumps(ROWS[0]) + '\n{"text": "a"}\n', encoding="utf-8")
    done = axfw("eval", path)
    assert done.returncode == 2 and "line 2: 'label' must be block or allow" in done.stderr


def test_eval_with_folds(axfw, tmp_path):
    path, folds = tmp_path / "rows", tmp_path / "folds"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    folds.mkdir()
    done = axfw("eval", path, "--folds", folds)
    assert done.returncode == 2 and "folds.json" in done.stderr
    shutil.copy(REPO / "userspace/model/data/weights.bin", folds / "w.bin")
    index = {"a": {"weights": "w.bin", "direct": True, "general": False}}
    (folds / "folds.json").write_text(json.dumps(index), encoding="utf-8")
    done = axfw("eval", path, "--folds", folds)
    assert done.returncode == 2 and "no source 'b'" in done.stderr
    index["b"] = {"weights": "w.bin", "direct": False, "general": True}
    (folds / "folds.json").write_text(json.dumps(index), encoding="utf-8")
    sources = json.loads(axfw("eval", path, "--folds", folds, "--json").stdout)["sources"]
    assert [(s["name"], s["direct"], s["general"]) for s in sources] == [("a", True, False), ("b", False, True)]
    assert "direct attacks" in axfw("eval", path, "--folds", folds).stdout
    (folds / "w.bin").write_bytes(b"nonsense")
    done = axfw("eval", path, "--folds", folds)
    assert done.returncode == 2 and "not a file of weights" in done.stderr
