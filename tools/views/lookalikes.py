#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes userspace/views/lookalikes_table.h: letters that look like a Latin one.

    tools/views/lookalikes.py >userspace/views/lookalikes_table.h

Which letters look alike is Unicode's word (UTS 39, confusables.txt). The file itself isn't packaged, but ICU's spoof
checker is built from it, so its skeletons are asked for (Debian: libicu72, Unicode 15.0). Letters in costume, which
Unicode keeps apart (small capitals, letters in black boxes, regional indicators), go by their names in UnicodeData.txt
(Debian: unicode-data). Needs neither at build time: the table is committed.
"""
import ctypes
import re
import string

CELLS_A_LINE = 7
ICU = "72"
UNICODE_DATA = "/usr/share/unicode/UnicodeData.txt"

# Whose letters pass for Latin ones inside a word. Of a script that isn't here nobody writes English.
SCRIPTS = "LATIN GREEK CYRILLIC ARMENIAN COPTIC CHEROKEE LISU DESERET".split()
COSTUMES = re.compile(
    "(?:LATIN LETTER SMALL CAPITAL|NEGATIVE CIRCLED LATIN CAPITAL LETTER|NEGATIVE SQUARED LATIN CAPITAL LETTER"
    "|REGIONAL INDICATOR SYMBOL LETTER) ([A-Z])")
# Letters of living alphabets written in Latin: Turkish, Nordic, Polish, Croatian, Maltese, Sami; and letters that
# Unicode's skeleton maps for other reasons.
KEPT = set("ıøđłħŧŋþðəſƒ")


def skeletons():
    library = ctypes.CDLL(f"libicui18n.so.{ICU}")
    error = ctypes.c_int(0)
    uspoof_open = getattr(library, f"uspoof_open_{ICU}")
    uspoof_open.restype = ctypes.c_void_p
    skeleton_of = getattr(library, f"uspoof_getSkeletonUTF8_{ICU}")
    skeleton_of.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_int32, ctypes.c_char_p,
                            ctypes.c_int32, ctypes.c_void_p]
    checker = uspoof_open(ctypes.byref(error))
    out = ctypes.create_string_buffer(256)

    def skeleton(c):
        raw = c.encode()
        error.value = 0
        n = skeleton_of(checker, 0, raw, len(raw), out, len(out), ctypes.byref(error))
        return out.raw[:n].decode() if error.value <= 0 else ""
    return skeleton


def table():
    skeleton, found = skeletons(), {}
    with open(UNICODE_DATA, encoding="ascii") as lines:
        rows = [line.rstrip("\n").split(";") for line in lines]
    lower_of = {int(r[0], 16): int(r[13], 16) for r in rows if r[13]}
    for r in rows:
        code, name, category, decomposition = int(r[0], 16), r[1], r[2], r[5]
        if code < 0x80 or decomposition or chr(code) in KEPT:  # NFKC sees to what decomposes
            continue
        costume = COSTUMES.fullmatch(name)
        if costume:
            found[code] = costume[1].lower()
        elif category[0] == "L" and name.split()[0] in SCRIPTS:
            s = skeleton(chr(code))
            # I, l, 1 and | share a skeleton: a capital among them is an I.
            if s == "l" and category == "Lu":
                s = skeleton(chr(lower_of[code])) if code in lower_of else "i"
                s = "i" if s == "l" and "IOTA" in name else s
            if len(s) == 1 and s in string.ascii_letters:
                found[code] = s.lower()
    # Only the capital looks Latin: upper case in the table.
    weak = {lower: found[upper].upper() for upper, lower in lower_of.items() if upper in found and lower not in found}
    return found | {code: v for code, v in weak.items() if chr(code) not in KEPT}


def main():
    found = table()
    pages = sorted({code >> 8 for code in found})
    out = ["/* SPDX-License-Identifier: Unicode-DFS-2016 */",
           "/* Made by tools/views/lookalikes.py, which says where from. Upper case: only the letter's capital looks so. */",
           "",
           f"#define PAGE_COUNT {max(pages) + 1}",
           "/* Which row of lookalikes[] a code point's page has; 0: nothing in it looks Latin. */",
           "/* clang-format off */", "static const unsigned char page_rows[PAGE_COUNT] = {"]
    out += wrapped([f"[0x{page:x}] = {i + 1}," for i, page in enumerate(pages)])
    out += ["};", "", f"static const char lookalikes[{len(pages) + 1}][256] = {{"]
    for i, page in enumerate(pages):
        cells = [f"[0x{c & 0xff:02x}] = '{v}'," for c, v in sorted(found.items()) if c >> 8 == page]
        out += [f"\t[{i + 1}] = {{"] + wrapped(cells) + ["\t},"]
    out += ["};", "/* clang-format on */"]
    print("\n".join(out))


def wrapped(cells):
    return ["\t" + " ".join(cells[i:i + CELLS_A_LINE]) for i in range(0, len(cells), CELLS_A_LINE)]


main()
