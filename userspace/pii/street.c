// SPDX-License-Identifier: Apache-2.0
/*
 * Street addresses around a house number: "12 Main Street, Apt. 4", "12 rue de la Paix",
 * "Hauptstraße 12", "Via delle Coste 41", "PO Box 12", "Unit 47 Box 12\nDPO AP 70942", with the
 * flat, the town and the code behind them where these have a known shape. A grammar, not a
 * gazetteer: a street whose name says nothing ("Markt 84") is left.
 */
#include "pii/scan.h"

#define HOUSE_DIGITS_MAX 5
#define NAME_WORDS_MAX	 5 /* "Rua Cyro Schmutzer Franco Sobrinho 12" */
#define WORD_BYTES_MAX	 32
#define LEAD_MAX	 40 /* bytes before a military post code: "Unit 4719 Box 7394" */

struct word {
	size_t begin, end;
	uint32_t kinds;
	bool capital;
};

static bool is_name_byte(uint8_t c)
{
	return is_letter(c) || c >= 0x80 || c == '\'' || c == '-';
}

static void word_judge(const struct scan *s, struct word *w)
{
	uint8_t c = byte_at(s, w->begin);

	w->kinds = words_kinds(&s->detector->words, s->text + w->begin, w->end - w->begin);
	/* Of letters that aren't ASCII the case doesn't matter: names of streets begin with them.
	 */
	w->capital = byte_kinds[c] & BYTE_UPPER || c >= 0x80;
	if (w->kinds & WORD_CAPITAL && !w->capital)
		w->kinds &= ~(uint32_t)WORD_STREET_BEFORE;
}

/* The word that begins here, without the dot of an abbreviation. */
static bool word_at(const struct scan *s, size_t at, struct word *ret)
{
	ret->begin = ret->end = at;
	/* Signs, dashes, quotation marks, bullets */
	if (byte_at(s, at) == 0xc2 || byte_at(s, at) == 0xe2)
		return false;
	while (ret->end - at < WORD_BYTES_MAX && is_name_byte(byte_at(s, ret->end)))
		ret->end++;
	if (ret->end == at || ret->end - at == WORD_BYTES_MAX)
		return false;
	word_judge(s, ret);
	return true;
}

/* The word that ends here; a dot or the slash of "C/" behind it doesn't count. */
static bool word_before(const struct scan *s, size_t at, struct word *ret)
{
	uint8_t c = byte_before(s, at);

	ret->end = at - (c == '.' || c == '/');
	ret->begin = ret->end;
	while (ret->end - ret->begin < WORD_BYTES_MAX && is_name_byte(byte_before(s, ret->begin)))
		ret->begin--;
	if (ret->begin == ret->end || ret->end - ret->begin == WORD_BYTES_MAX)
		return false;
	word_judge(s, ret);
	return true;
}

/* Words between a street's kind and its name, in lower case: "de la", "van den". */
static bool is_particle(const struct scan *s, const struct word *w)
{
	static const char particles[] =
		" de del della delle dei des du da do dos das la le les l' van den der "
		"von und of the el et i y bis ter ";
	size_t len = w->end - w->begin;
	char padded[8];

	if (len > sizeof(padded) - 3)
		return false;
	padded[0] = ' ';
	memcpy(padded + 1, s->text + w->begin, len);
	padded[len + 1] = ' ';
	padded[len + 2] = 0;
	return strstr(particles, padded);
}

/* Does a word end like the name of a street where both are one word: "Hauptstraße", "Kiannonkatu"?
 */
static bool ends_as_street(const struct scan *s, const struct word *w)
{
	static const char *const endings[] = {
		"straße", "strasse", "str",    "gasse",	 "platz", "allee", "weg",    "damm",
		"ufer",	  "vej",     "gade",   "gata",	 "gatan", "vägen", "vegen",  "veien",
		"katu",	  "kuja",    "polku",  "straat", "laan",  "plein", "gracht", "kade",
		"gate",	  "gränd",   "stræde", "torget", "tänav", "iela",  "gatve",
	};
	size_t len = w->end - w->begin;

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t n = strlen(endings[i]);

		if (w->capital && len > n + 2 && !memcmp(s->text + w->end - n, endings[i], n))
			return true;
	}
	return false;
}

static size_t skip_gap(const struct scan *s, size_t at)
{
	while (byte_at(s, at) && strchr(" ,\n\r\t", byte_at(s, at)))
		at++;
	return at;
}

static size_t digits_end(const struct scan *s, size_t at)
{
	while (is_digit(byte_at(s, at)))
		at++;
	return at;
}

/* "Apt. 4B", "Suite 482", "#12" */
static size_t flat_end(const struct scan *s, size_t from)
{
	size_t at = skip_gap(s, from), end;
	struct word w;

	if (byte_at(s, at) != '#') {
		if (!word_at(s, at, &w) || !(w.kinds & WORD_PLACE))
			return from;
		at = w.end + (byte_at(s, w.end) == '.');
		at += byte_at(s, at) == ' ';
	} else {
		at++;
	}
	end = digits_end(s, at);
	if (end == at || end - at > HOUSE_DIGITS_MAX)
		return from;
	end += is_letter(byte_at(s, end)) && is_edge_after(s, end + 1);
	return is_edge_after(s, end) ? end : from;
}

/* ", Springfield, IL 62704-1234": up to three words, two letters, five digits. */
static size_t town_end(const struct scan *s, size_t from)
{
	size_t at = skip_gap(s, from), end;
	struct word w;

	for (unsigned i = 0; i < 4 && word_at(s, at, &w) && w.capital; i++) {
		at = skip_gap(s, w.end);
		if (w.end - w.begin != 2 || !(byte_kinds[s->text[w.begin + 1]] & BYTE_UPPER))
			continue;
		end = digits_end(s, at);
		if (end - at != 5)
			continue;
		if (byte_at(s, end) == '-' && digits_end(s, end + 1) == end + 5)
			end += 5;
		return is_edge_after(s, end) ? end : from;
	}
	/* ", 10115 Berlin" */
	at = skip_gap(s, from);
	end = digits_end(s, at);
	if (byte_at(s, from) != ',' || end - at < 4 || end - at > 5 || byte_at(s, end) != ' ' ||
	    !word_at(s, end + 1, &w) || !w.capital)
		return from;
	return w.end;
}

static bool found(const struct scan *s, size_t begin, size_t end, struct pii_span *ret)
{
	/* The dot of "Blvd., Suite 420" is in the middle, that of "on Main St." isn't the
	 * address's. */
	size_t from = byte_at(s, end) == '.' ? end + 1 : end;
	size_t whole = town_end(s, flat_end(s, from));

	span_set(ret, PII_ADDRESS, begin, whole > from ? whole : end);
	return true;
}

/* "in 2008 Wall Street" */
static bool is_year_of(const struct scan *s, size_t begin, size_t end)
{
	static const char words[] = " in since of by the from during until after before and ";
	char padded[10];
	struct word w;
	size_t len;

	if (end - begin != 4 || (s->text[begin] != '1' && s->text[begin] != '2') ||
	    byte_before(s, begin) != ' ' || !word_before(s, begin - 1, &w))
		return false;
	len = w.end - w.begin;
	if (len > sizeof(padded) - 3)
		return false;
	padded[0] = ' ';
	for (size_t i = 0; i < len; i++)
		padded[i + 1] = (char)to_lower(s->text[w.begin + i]);
	padded[len + 1] = ' ';
	padded[len + 2] = 0;
	return strstr(words, padded);
}

/* The house number, and the one that some countries write before it ("55523 175 Iroon Street"), are
 * before `at`. A kind of street in front and a name, or a name and a kind behind. */
static bool number_first(const struct scan *s, size_t begin, size_t at, struct pii_span *ret)
{
	size_t end = 0, next = at;
	bool before = false;
	struct word w;

	if (is_digit(byte_at(s, at))) {
		next = digits_end(s, at);
		if (next - at > HOUSE_DIGITS_MAX || byte_at(s, next) != ' ')
			return false;
		next++;
	}
	for (unsigned i = 0; i < NAME_WORDS_MAX && word_at(s, next, &w); i++) {
		size_t dot = w.end + (byte_at(s, w.end) == '.');

		if (i == 0 && text_has(s, w.begin, "The ", 4))
			break;
		if (i == 0 && w.kinds & WORD_STREET_BEFORE)
			before = true;
		else if (!w.capital && !(before && is_particle(s, &w)))
			break;
		else if (w.kinds & WORD_STREET && i > 0)
			return found(s, begin, w.end, ret);
		else if (before && w.capital)
			end = w.end;
		if (ends_as_street(s, &w) && byte_at(s, dot) == ' ' &&
		    is_digit(byte_at(s, dot + 1)))
			return found(s, begin, digits_end(s, dot + 1), ret);
		if (byte_at(s, dot) != ' ')
			break;
		next = dot + 1;
	}
	return end ? found(s, begin, end, ret) : false;
}

/* The house number is at [digit, end), the name before it. */
static bool number_last(const struct scan *s, size_t digit, size_t end, struct pii_span *ret)
{
	size_t at = digit - 1;
	bool named = false;
	struct word w;

	end += is_letter(byte_at(s, end)) && is_edge_after(s, end + 1);
	if (!is_edge_after(s, end))
		return false;
	for (unsigned i = 0; i < NAME_WORDS_MAX && word_before(s, at, &w); i++) {
		if (i == 0 && (ends_as_street(s, &w) || (w.kinds & WORD_BOX)))
			return found(s, w.begin, end, ret);
		if (named && w.kinds & WORD_STREET_BEFORE)
			return found(s, w.begin, end, ret);
		if (!w.capital && !is_particle(s, &w))
			return false;
		named |= w.capital;
		if (byte_before(s, w.begin) != ' ')
			return false;
		at = w.begin - 1;
	}
	return false;
}

/* "PO Box 12", "P.O. Box 12", "Post Office Box 12"; the digits may be two. */
static bool box_at(const struct scan *s, size_t digit, size_t end, struct pii_span *ret)
{
	static const char *const names[] = { "P.O. Box ", "PO Box ",	      "P.O.Box ",
					     "P O Box ",  "Post Office Box ", "po box ",
					     "p.o. box ", "PO BOX ",	      "P.O. BOX " };

	if (digit < 2 || to_lower(s->text[digit - 2]) != 'x')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (digit >= len && !memcmp(s->text + digit - len, names[i], len))
			return found(s, digit - len, end, ret);
	}
	return false;
}

/* "Unit 4719 Box 7394\nDPO AP 70942", "USNS Bergman\nFPO AP 93757" */
static bool military_at(const struct scan *s, size_t digit, size_t end, struct pii_span *ret)
{
	static const char *const leads[] = { "unit ", "psc ",  "cmr ",	"uss ",
					     "usns ", "usnv ", "uscgc " };
	size_t begin = digit - 7;
	char office[8];

	if (digit < 8 || end - digit != 5)
		return false;
	for (unsigned i = 0; i < 7; i++)
		office[i] = (char)to_lower(s->text[begin + i]);
	office[7] = 0;
	if (!strchr("afd", office[0]) || memcmp(office + 1, "po a", 4) ||
	    !strchr("aep", office[5]) || office[6] != ' ' || !is_edge_before(s, begin))
		return false;
	for (size_t at = begin; at > 0 && begin - at < LEAD_MAX; at--) {
		for (size_t i = 0; i < ARRAY_SIZE(leads); i++) {
			size_t len = strlen(leads[i]), k = 0;

			while (k < len && to_lower(byte_at(s, at - 1 + k)) == (uint8_t)leads[i][k])
				k++;
			if (k == len && is_edge_before(s, at - 1)) {
				span_set(ret, PII_ADDRESS, at - 1, end);
				return true;
			}
		}
	}
	span_set(ret, PII_ADDRESS, begin, end);
	return true;
}

bool street_at(const struct scan *s, size_t digit, struct pii_span *ret)
{
	size_t end = digits_end(s, digit), after = end;
	uint8_t before = byte_before(s, digit);

	if (end - digit > HOUSE_DIGITS_MAX || !is_edge_before(s, digit))
		return false;
	if (before == ' ' && digit > 1 &&
	    (number_last(s, digit, end, ret) || box_at(s, digit, end, ret) ||
	     military_at(s, digit, end, ret)))
		return true;
	/* "12b Baker Street" */
	after += is_letter(byte_at(s, after)) && byte_at(s, after + 1) == ' ';
	/* "12, rue de la Paix", but "11, 2011 …" is a date */
	after += byte_at(s, after) == ',' && byte_at(s, after + 1) == ' ' &&
		 !is_digit(byte_at(s, after + 2));
	if (byte_at(s, after) != ' ' || (before && strchr(".,:$-/", before)) ||
	    is_year_of(s, digit, end))
		return false;
	return number_first(s, digit, after + 1, ret);
}
