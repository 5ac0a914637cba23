#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what the views know of English, from the texts in userspace/guard/data/*.jsonl, which are our own:

    tools/views/words.py words >userspace/views/data/words.txt       words, the most frequent first
    tools/views/words.py pairs >userspace/views/pairs_table.h        how usual each pair of letters is

Needed again only when those texts have changed a lot; a word list of another origin would bring another licence.
"""
import collections
import glob
import json
import math
import re
import sys

# What occurs once may be a slip; of two letters most are abbreviations and parts of disguises.
COUNT_MIN = {3: 4}
COUNT_MIN_LONG = 2
LEN_MAX = 16
SHORT = set("a i ai am an as at be by do go he hi id if im in is it me my no of oh ok on or os so to tv up us we".split())


def texts():
    for name in sorted(glob.glob("userspace/guard/data/*.jsonl")):
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row.get("lang", "en") == "en":
                    yield re.sub("['’]", "", row["text"].lower())


def words():
    counts = collections.Counter(w for t in texts() for w in re.findall("[a-z]+", t))
    kept = [w for w, n in counts.items()
            if n >= COUNT_MIN.get(len(w), COUNT_MIN_LONG) and len(w) <= LEN_MAX and (len(w) > 2 or w in SHORT)]
    for word in sorted(kept, key=lambda w: (-counts[w], w)):
        print(word)


def pairs():
    """Log-probability of each pair, white space as a letter of its own, in quarters of a bit against chance."""
    counts = collections.Counter()
    for t in texts():
        t = re.sub("[^a-z]+", " ", f" {t} ")
        counts.update(zip(t, t[1:]))
    alphabet = " abcdefghijklmnopqrstuvwxyz"
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by tools/views/words.py: how usual a letter after another is in English, in bits / 4. */")
    print("/* clang-format off */")
    print("static const signed char pairs[27][27] = {")
    for a in alphabet:
        of_a = sum(counts[a, b] for b in alphabet)
        row = [round(4 * math.log2((counts[a, b] + 0.5) / (of_a + 13.5) * 27)) for b in alphabet]
        print("\t{ " + ", ".join(str(max(-31, min(31, v))) for v in row) + " },")
    print("};\n/* clang-format on */")


{"words": words, "pairs": pairs}[sys.argv[1]]()
