/* SPDX-License-Identifier: Apache-2.0 */
/* Every command and option of axfw, in the order in which --help shows them. */
#include "axfw/maps.h"
#include "commands.h"

/* clang-format off */
const struct cli_command cli_commands[] = {
	{ "status", "", 0, 0, { { 0 } },
	  "what the daemon does: kernel mode, interfaces, store, traffic",
	  "Shows whether requests are refused in the kernel or in userspace, and why; how\n"
	  "full the store's journal is; how many packets the kernel judged, by reason.\n"
	  "\n"
	  "  axfw status\n"
	  "  axfw status --json | jq -r .kernel.mode      enforcing or userspace\n",
	  command_status },
	{ "maps", "", 0, 0, { { 0 } },
	  "the pinned BPF maps: how full, how big",
	  "Every map can be read while the node serves:\n"
	  "\n"
	  "  axfw maps\n"
	  "  bpftool map dump pinned /sys/fs/bpf/axfw/admissions\n",
	  command_maps },
	{ "maps dump", "NAME", 1, 1,
	  { { "--limit", "N", "entries at most [100]" } },
	  "what is in a map, in words",
	  "Addresses, states and reasons by name, times from now. docs/maps.md has the\n"
	  "fields as bpftool shows them.\n"
	  "\n"
	  "  axfw maps dump admissions --limit 20\n"
	  "  axfw maps dump config\n",
	  command_maps_dump },
	{ "top", "", 0, 0,
	  { { "--once", NULL, "print once and end, as it does in a pipe" },
	    { "--interval", "SECONDS", "between two looks [1]" } },
	  "live: packets by reason, who sends most, which keys",
	  "Rates of the kernel's verdicts and of userspace's; sources and keys by sampled\n"
	  "decisions of the last ten to thirty seconds (--events-per-second of the daemon\n"
	  "says how many are sampled). q ends.\n"
	  "\n"
	  "  axfw top\n"
	  "  axfw top --once --interval 5\n"
	  "  axfw top --json | jq '.sources[:3]'\n",
	  command_top },
	{ "trace", "", 0, 0,
	  { { "--ip", "ADDRESS", "only this client, as the node sees it (behind a proxy: the client)" },
	    { "--key", "KEY|-", "only this API key; -: read it from standard input, unseen by ps" },
	    { "--key-hash", "HASH", "the same by its hash, as axfw top shows it" },
	    { "--for", "TIME", "end after 30s, 10m, ...; else Ctrl-C does" } },
	  "why was this refused, or not? each decision as it is made",
	  "Prints every decision of the kernel about a client or a key, with its reason.\n"
	  "With --json one object a line. The kernel stops reporting when this ends,\n"
	  "however it ends.\n"
	  "\n"
	  "  axfw trace --ip 203.0.113.7 --for 30s\n"
	  "  pass firewall/key | axfw trace --key -\n",
	  command_trace },
	{ "deny add", "PREFIX", 1, 1,
	  { { "--for", "TIME", "how long: 90s, 10m, 2h, 7d; without an end it holds until deny del" },
	    { "--until", "TIME", "until when, UTC: 2026-01-31T18:00:00" },
	    { "--reason", "TEXT", "a note for deny list" },
	    { "--force", NULL, "also loopback and trusted proxies" } },
	  "drop every packet of an address or network",
	  "PREFIX is an address or a network, IPv4 or IPv6. Its packets to the protected\n"
	  "ports are dropped before anything else is looked at; in userspace mode its\n"
	  "connections are closed. The list outlives restarts. Saying it again replaces end\n"
	  "and reason. The time is the wall clock's.\n"
	  "\n"
	  "  axfw deny add 203.0.113.7 --for 1h --reason \"scans for keys\"\n"
	  "  axfw deny add 2001:db8::/32\n",
	  command_deny_add },
	{ "deny del", "PREFIX", 1, 1, { { 0 } },
	  "take a prefix off the deny list, or out of the penalty box",
	  "The prefix as deny list shows it. A wider one that covers it goes on counting.\n"
	  "\n"
	  "  axfw deny del 203.0.113.7\n",
	  command_deny_del },
	{ "deny list", "", 0, 0, { { 0 } },
	  "who is denied, until when and why; the penalty box too",
	  "  axfw deny list\n"
	  "  axfw deny list --json | jq -r '.entries[] | select(.cause == \"penalty\") | .prefix'\n",
	  command_deny_list },
	{ "attach", "IFACE", 1, 1, { { 0 } },
	  "put the programs on another interface, while the node serves",
	  "A daemon that takes over goes on with it. It ends with what is pinned: with a\n"
	  "daemon that doesn't --persist, and with a reboot; what shall stay belongs into\n"
	  "--interface. Somebody else's program on the interface is left alone.\n"
	  "\n"
	  "  axfw attach eth1\n",
	  command_attach },
	{ "detach", "IFACE", 1, 1, { { 0 } },
	  "take the programs off an interface",
	  "Its packets reach the daemon unjudged from then on: nothing stops being\n"
	  "enforced, it costs more. One of --interface is attached again at the next start.\n"
	  "\n"
	  "  axfw detach eth1\n",
	  command_detach },
	{ "doctor", "", 0, 0,
	  { { "--interface", "LIST", "interfaces to look at [AXFW_INTERFACE or lo]" },
	    { "--pin-dir", "DIR", "where maps would be pinned [AXFW_PIN_DIR or " AXFW_PIN_DIR "]" } },
	  "can this machine enforce in the kernel? each check with what to do",
	  "Tries what the kernel half needs: BPF, BTF, capabilities, bpffs, network\n"
	  "interfaces. Needs no daemon; run it as the user the daemon runs as. Exit status\n"
	  "1: a check failed and the node would run in userspace mode, which is slower and\n"
	  "not less correct.\n"
	  "\n"
	  "  sudo axfw doctor\n"
	  "  sudo axfw doctor --interface eth0,eth1\n",
	  command_doctor },
	{ "verify", "RECEIPT|-", 1, 1,
	  { { "--keys", "FILE|URL", "the node's public keys; without it the local daemon is asked" },
	    { "--text", "FILE", "also check that the receipt is about this text" } },
	  "is this verdict's receipt genuine?",
	  "Takes a receipt, or a whole answer of the guard API with a receipt in it, from a\n"
	  "file or (-) standard input. With a whole answer the verdict beside the receipt\n"
	  "has to be the signed one. Needs no secret: a receipt is signed with Ed25519.\n"
	  "\n"
	  "  curl -s https://firewall.example/.well-known/axfw-keys.json > keys.json\n"
	  "  axfw verify --keys keys.json answer.json\n"
	  "  axfw verify --keys keys.json --text prompt.txt - < answer.json\n",
	  command_verify },
	{ "check", "[FILE|-]", 0, 1,
	  { { "--policy", "FILE", "a tenant's policy, as it would be saved" },
	    { "--document", NULL, "somebody else's text, where an instruction is an attack" },
	    { "--explain", NULL, "which places of the text led to the verdict" } },
	  "would this text be blocked? without a daemon",
	  "Judges a text from a file or standard input as the guard API would, by the same\n"
	  "rules and the same model. Exit status 0: allow, 1: block.\n"
	  "\n"
	  "  axfw check --explain prompt.txt\n"
	  "  echo 'Ignore all previous instructions' | axfw check\n"
	  "  axfw check --policy draft.json - < prompt.txt\n",
	  command_check },
	{ "eval", "FILE", 1, 1,
	  { { "--folds", "DIR", "judge each source with the weights that haven't seen it" },
	    { "--policy", "FILE", "a tenant's policy" },
	    { "--document", NULL, "the texts are documents" } },
	  "how good is it, how fast? on labelled prompts",
	  "FILE has one JSON object a line, gzip or plain: text, label (block or allow) and\n"
	  "name, the source it is from. Prints recall and false positives for each source,\n"
	  "pooled, and as the mean over sources; and what an evaluation takes.\n"
	  "DIR/folds.json, which axfw-train writes, says which weights judge which source.\n"
	  "\n"
	  "  axfw eval prompts.jsonl.gz\n"
	  "  axfw eval prompts.jsonl.gz --folds build/train/folds --json | jq .sources\n",
	  command_eval },
	{ "tenants create", "EMAIL", 1, 1,
	  { { "--tier", "TIER", "free (default), indie, team or enterprise" },
	    { "--password-stdin", NULL, "read the password from standard input, one line" } },
	  "an account, with its recovery code",
	  "Asks for the password on the terminal, without showing it. Prints the recovery\n"
	  "code once: it is the only way back in when the password is lost.\n"
	  "\n"
	  "  axfw tenants create ada@example.org --tier team\n"
	  "  pass firewall/ada | axfw tenants create ada@example.org --password-stdin\n",
	  command_tenants_create },
	{ "store finalize", "", 0, 0,
	  { { "--no-way-back", NULL, "say that you know" } },
	  "the Python firewall won't come back: Argon2id for passwords",
	  "Until then passwords are kept as the Python firewall keeps them (PBKDF2), so\n"
	  "that it could read and write the directory again. Afterwards new passwords and\n"
	  "recovery codes are kept with Argon2id, old passwords from their next log-in on,\n"
	  "and it can't let those people in.\n"
	  "\n"
	  "  axfw store finalize --no-way-back\n",
	  command_store_finalize },
	{ "keys create", "[NAME]", 0, 1,
	  { { "--tenant", "EMAIL|ID", "whose key" } },
	  "an API key; its secret is shown once",
	  "  axfw keys create --tenant ada@example.org ci\n"
	  "  KEY=$(axfw keys create --tenant ada@example.org ci --json | jq -r .secret)\n",
	  command_keys_create },
	{ "keys list", "", 0, 0,
	  { { "--tenant", "EMAIL|ID", "whose keys" },
	    { "--all", NULL, "revoked ones too" } },
	  "a tenant's API keys, newest first",
	  "  axfw keys list --tenant ada@example.org\n",
	  command_keys_list },
	{ "keys revoke", "KEY-ID", 1, 1,
	  { { "--tenant", "EMAIL|ID", "whose key" } },
	  "end a key: the kernel refuses it before this returns",
	  "  axfw keys list --tenant ada@example.org\n"
	  "  axfw keys revoke --tenant ada@example.org 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d\n",
	  command_keys_revoke },
};

const struct cli_option cli_globals[] = {
	{ "--json", NULL, "print JSON, for scripts" },
	{ "--socket", "PATH", "the daemon's socket [AXFW_SOCKET or " SOCKET_DEFAULT "]" },
	{ "--no-color", NULL, "no colours (also: NO_COLOR, or output that isn't a terminal)" },
	{ "--version", NULL, "print the version" },
	{ "--help", NULL, "this text, or a command's" },
};
/* clang-format on */

const size_t cli_command_count = ARRAY_SIZE(cli_commands);
_Static_assert(ARRAY_SIZE(cli_globals) == CLI_GLOBALS, "one name for each row");
