// SPDX-License-Identifier: Apache-2.0
/*
 * Words before a number that say what it is, in the languages people write in. One table, hashed
 * when the detector is made; only candidates that have the shape of something ask it.
 */
#include "pii/scan.h"

/* Lower case; letters that aren't ASCII as they are, in both cases where they begin a word. */
static const struct {
	uint32_t kinds;
	const char *words; /* blanks between them */
} lists[] = {
	{ WORD_PHONE,
	  "phone phones telephone telephones tel call calls calling called caller dial dialled "
	  "dialing ring text texts texting sms "
	  "mms whatsapp viber contact contacts reach reached answering hotline helpline landline "
	  "pager voicemail telegram imessage "
	  "message messages texted phoned telefon telefono telefone telefonu telefoon "
	  "telefonnummer telefonnumer telefonszám "
	  "teléfono teléfonos téléphone tél puhelin puhelinnumero puh gsm handy handynummer mobil "
	  "mobilnummer mobiltelefon "
	  "móvil movil celular celulare cellulare cel portable fijo whats zap rufnummer anrufen "
	  "rufen ruf durchwahl llamar llama "
	  "llámame llamame appelez appeler appelle chiamare chiama chiamami ligue ligar liga bel "
	  "bellen ringa telefax "
	  "telefonie telefonicznie komórka kom zadzwoń gsm'i telefonum telefonumu τηλέφωνο τηλ "
	  "телефон Телефон телефону тел Тел моб позвоните звоните телефона "
	  "هاتف الهاتف جوال موبايل फोन फ़ोन मोबाइल "
	  "电话 電話 手机 手機 传真 傳真 携帯 联系 致电 拨打 전화 전화번호 휴대폰 연락처" },
	{ WORD_PHONE | WORD_AFTER,
	  "mobile cell cellphone cellular fax office desk home work direct switchboard" },
	{ WORD_NUMBER, "order orders invoice account acct tracking ticket case reference ref isbn "
		       "issn doi zip postcode postal sku serial "
		       "model policy part transaction booking flight confirmation claim page pages "
		       "pp year years usd eur gbp amount total "
		       "price cost population votes batch lot version pin bug issue build revision "
		       "rev commit request customer routing bank "
		       "member membership item product quantity code plate vin imei port error "
		       "line lines date dated between timestamp "
		       "bestellung bestellnummer rechnung rechnungsnummer kundennummer konto "
		       "kontonummer commande facture pedido factura cuenta "
		       "ordine fattura conto ordernummer factuur 订单 訂單 注文" },
	{ WORD_CARD, "card cards credit debit visa mastercard maestro amex discover diners jcb "
		     "unionpay cc pan kreditkarte kreditkartennummer "
		     "kartennummer karte tarjeta carte cartão cartao carta kaart kort karta kart "
		     "信用卡 卡号 カード" },
	{ WORD_SSN, "ssn ssns social security socials" },
	{ WORD_ID, "passport passports license licence licenses identity identification "
		   "nationality tin nino "
		   "insurance passeport permis reisepass ausweis personalausweis führerschein "
		   "pasaporte pasaport dni nie nif cpf pesel "
		   "steuernummer aadhaar aadhar uidai bsn burgerservicenummer cpr personnummer "
		   "hetu henkilötunnus "
		   "fødselsnummer svnr ahv sin medicare nhs tfn paspoort passaporto patente codice "
		   "cédula cedula rg cnh rut curp nric "
		   "hkid mynumber national taxpayer 身份证 身份證 护照 護照" },
	{ WORD_ID | WORD_PAPERS, "passport passports license licence licenses dl passeport permis "
				 "reisepass personalausweis führerschein "
				 "pasaporte pasaport paspoort passaporto patente rijbewijs körkort "
				 "førerkort 护照 護照 旅券" },
	{ WORD_SECRET, "key keys apikey token tokens secret secrets bearer credential credentials "
		       "ключ токен 密钥" },
	{ WORD_SECRET | WORD_PASSWORD,
	  "password passwords passwd passphrase passcode pwd passwort kennwort contraseña senha "
	  "mdp "
	  "wachtwoord lösenord hasło пароль Пароль 密码 密碼 パスワード 비밀번호" },
	{ WORD_VERSION | WORD_NUMBER,
	  "v ver section sections clause chapter paragraph article version versions release "
	  "releases firmware kernel upgrade upgraded" },
	{ WORD_STREET,
	  "street st avenue ave road rd boulevard blvd lane ln drive dr court ct way place pl "
	  "terrace square sq parkway pkwy "
	  "circle cir highway hwy crescent cres close gardens grove mews row alley trail trl pike "
	  "loop quay wharf plaza turnpike "
	  "esplanade parade str strasse straße weg platz út utca tér tee tie katu sokak caddesi "
	  "cad" },
	{ WORD_STREET_BEFORE, "rue calle rua rúa avenida ulica ul viale piazza piazzale vicolo "
			      "boulevard bd bld avenue quai chemin impasse allée улица ул "
			      "проспект travessa praça paseo carrer rambla" },
	{ WORD_STREET_BEFORE | WORD_CAPITAL,
	  "via corso largo place route av plaza c al os jalan jl cesta trg" },
	{ WORD_PLACE,
	  "apt apartment suite ste unit flat floor fl room rm appartement app wohnung piso lgh" },
	{ WORD_BOX, "postfach pobox postbus postboks apartado" },
	{ WORD_FILLER, "is was my his her their our the a new best own private personal" },
	{ WORD_IP, "ip ips ipv4 address host server dns gateway" },
};

static uint32_t hash(const uint8_t *word, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ to_lower(word[i])) * 16777619u;
	return h ^ h >> 15;
}

static void words_add(struct words *w, const char *word, size_t len, uint32_t kinds)
{
	uint32_t i = hash((const uint8_t *)word, len) % WORDS_SLOTS;

	while (w->slots[i].word && (w->slots[i].len != len || memcmp(w->slots[i].word, word, len)))
		i = (i + 1) % WORDS_SLOTS;
	w->slots[i].word = word;
	w->slots[i].len = (uint32_t)len;
	w->slots[i].kinds |= kinds;
}

void words_fill(struct words *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (const char *p = lists[i].words; *p; p += strspn(p, " ")) {
			size_t len = strcspn(p, " ");

			words_add(w, p, len, lists[i].kinds);
			p += len;
		}
	}
}

static bool same_word(const char *lower, const uint8_t *word, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)lower[i] != to_lower(word[i]))
			return false;
	}
	return true;
}

uint32_t words_kinds(const struct words *w, const uint8_t *word, size_t len)
{
	if (len == 0 || len > WORD_MAX)
		return 0;
	for (uint32_t i = hash(word, len) % WORDS_SLOTS; w->slots[i].word;
	     i = (i + 1) % WORDS_SLOTS) {
		if (w->slots[i].len == len && same_word(w->slots[i].word, word, len))
			return w->slots[i].kinds;
	}
	return 0;
}

static bool is_word_byte(uint8_t c)
{
	return is_letter(c) || c >= 0x80 || c == '\'';
}

/* CJK has no blanks between words: the words of two and three characters that end here. */
static uint32_t unspaced_kinds(const struct scan *s, size_t begin, size_t end, uint32_t kinds)
{
	for (size_t at = end; at >= begin + 6; at -= 3) {
		for (size_t len = 6; len <= 12 && len <= at - begin; len += 3) {
			uint32_t found = words_kinds(&s->detector->words, s->text + at - len, len) &
					 kinds;

			if (found)
				return found;
		}
	}
	return 0;
}

uint32_t words_before(const struct scan *s, size_t at, size_t window, uint32_t kinds)
{
	size_t from = at > window ? at - window : 0, end = at, begin;
	uint32_t found;

	while (end > from) {
		while (end > from && !is_word_byte(s->text[end - 1]))
			end--;
		for (begin = end; begin > from && is_word_byte(s->text[begin - 1]);)
			begin--;
		if (begin == from && is_word_byte(byte_before(s, begin)))
			return 0; /* the window cuts this one */
		found = words_kinds(&s->detector->words, s->text + begin, end - begin) & kinds;
		if (!found && end > begin && s->text[end - 1] >= 0x80)
			found = unspaced_kinds(s, begin, end, kinds);
		if (found)
			return found;
		end = begin;
	}
	return 0;
}

uint32_t words_after(const struct scan *s, size_t at, size_t window, uint32_t kinds, uint32_t later)
{
	size_t to = MIN(s->len, at + window), begin;
	uint32_t found;

	for (;; kinds |= later) {
		while (at < to && (s->text[at] == ' ' || s->text[at] == '-' || s->text[at] == '(' ||
				   s->text[at] == '\t'))
			at++;
		for (begin = at; at < to && is_word_byte(s->text[at]);)
			at++;
		found = words_kinds(&s->detector->words, s->text + begin, at - begin);
		if (!(found & WORD_FILLER)) /* nothing at the end, too */
			return found & kinds;
	}
}
