# SPDX-License-Identifier: Apache-2.0
# One plain makefile. Sources are found by folder; dependencies come from the compiler (-MMD).
# SAN=address,undefined builds the same things instrumented, beside the others, in build/san/.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

CC      := gcc
CLANG   := clang
BPFTOOL := $(or $(shell command -v bpftool),/usr/sbin/bpftool)
PKGS    := libbpf libelf zlib libmicrohttpd sqlite3 libcrypto libargon2 libhs jansson libutf8proc \
           libcurl libcap-ng libseccomp liburcu-bp liburcu-cds libpcre2-8
VERSION := $(shell cat VERSION)

B   := build
OBJ := $(B)/obj$(if $(SAN),-san)
BIN := $(B)$(if $(SAN),/san)

# OpenSSF's hardening guide for C, less what gcc 12 doesn't know.
WARN   := -Wall -Wextra -Werror -Wformat=2 -Wimplicit-fallthrough -Wvla -Wshadow -Wstrict-prototypes \
          -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wno-unused-parameter
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE \
          -fno-delete-null-pointer-checks -fno-strict-overflow -ftrivial-auto-var-init=zero
ifeq ($(SAN),)
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -O2
else
HARDEN += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
endif
CPPFLAGS := -D_GNU_SOURCE -Iinclude -Iuserspace -I$(B)/gen -DAXFW_VERSION='"$(VERSION)"'
# -isystem: third-party headers aren't ours to warn about
PKG_CFLAGS := $(subst -I,-isystem ,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
CFLAGS   := -std=gnu11 -g $(WARN) $(HARDEN) $(PKG_CFLAGS)
LDFLAGS  := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(if $(SAN),-fsanitize=$(SAN))
LDLIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

MODULES   := base views pii crypto model store identity guard kernel denials traffic exchange api dashboard http
LIB_SRC   := $(foreach m,$(MODULES),$(sort $(wildcard userspace/$(m)/*.c)))
LIB_OBJ   := $(LIB_SRC:%.c=$(OBJ)/%.o)
LIB       := $(OBJ)/libaxfw.a
DAEMON_SRC := $(sort $(wildcard userspace/*.c))
CLI_SRC   := $(sort $(wildcard tools/axfw/*.c))
TRAIN_SRC := $(sort $(wildcard tools/axfw-train/*.c))
CLI_PARTS := $(filter-out %/main.o,$(CLI_SRC:%.c=$(OBJ)/%.o))
UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(BIN)/unit/%)
BPFT_SRC  := $(sort $(wildcard tests/bpf/*.c))
KERNELT_SRC := $(sort $(wildcard tests/kernel/*.c))
PACKETS_SRC := $(sort $(wildcard tests/packets/*.c)) $(addprefix tests/bpf/,world.c net.c connection.c answers.c)
CONNECTIONS_SRC := $(sort $(wildcard tests/connections/*.c)) tests/packets/wire.c
BENCH_SRC := $(filter-out %.bpf.c,$(sort $(wildcard tools/bench/*.c)))

BPF_OBJ   := $(B)/axfw.bpf.o
SKELETON  := $(B)/gen/axfw.skel.h

.PHONY: help all run test check check-root bench vmtest fuzz lint format install clean deps docs fresh
help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

all: $(BIN)/axfwd $(BIN)/axfw $(BIN)/axfw-train $(BPF_OBJ) ## build the daemon, the CLI and the BPF object
	@: # says nothing when there is nothing to do

deps: ## install the Debian packages that are missing
	@tools/deps.sh build test

# A line per step; V=1 shows the commands, -s nothing.
Q   := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-5s %s\n' $(1) $@)
JOBS = -j$(shell nproc)

# --- the BPF object ------------------------------------------------------------------------------
# -mcpu=v3: compare-and-swap and 32-bit jumps, kernel 5.12. -g: BTF.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Iinclude -Ibpf \
              -isystem /usr/include/$(shell $(CC) -dumpmachine 2>/dev/null)
$(B)/bpf/%.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

BPF_PARTS := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.o,$(sort $(wildcard bpf/*.bpf.c)))
$(BPF_OBJ): $(BPF_PARTS)
	$(call say,BPF)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(BPF_OBJ)
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(BPFTOOL) gen skeleton $< name axfw_bpf > $@

# What a daemon of an older version pinned, for the tests of an upgrade: the same program with another
# layout of its config, under version 1.
OLD     := $(B)/old
OLD_ABI := $(OLD)/include/axfw/abi.h
OLD_SKELETON := $(B)/gen/axfw_old.skel.h
$(OLD_ABI): include/axfw/abi.h
	@mkdir -p $(@D)
	@sed -E -e 's/^(#define AXFW_ABI_VERSION) .*/\1 1/' -e 's/^(#define AXFW_PORTS_MAX\s+)8/\14/' \
		-e 's/^(#define AXFW_INTERFACES_MAX\s+)16/\18/' $< > $@
	@! cmp -s $< $@
$(OLD_SKELETON): $(OLD_ABI) $(wildcard bpf/*.h include/axfw/*.h) bpf/axfw_xdp.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) -I$(OLD)/include $(BPF_CFLAGS) -c bpf/axfw_xdp.bpf.c -o $(OLD)/axfw.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $(OLD)/axfw.bpf.o name axfw_old > $@
$(OBJ)/tests/kernel/old_daemon.o: $(OLD_SKELETON)
$(OBJ)/tests/kernel/old_daemon.o: CPPFLAGS := -I$(OLD)/include $(CPPFLAGS)

# --- userspace -----------------------------------------------------------------------------------
$(OBJ)/%.o: %.c | $(SKELETON)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# Files that are embedded with .incbin, which -MMD doesn't see.
$(OBJ)/userspace/dashboard/assets.o: $(wildcard userspace/dashboard/pages/* userspace/dashboard/static/*)
$(OBJ)/userspace/guard/rules.o: $(wildcard userspace/guard/data/rules/*)
$(OBJ)/userspace/model/weights.o: userspace/model/data/weights.bin
$(OBJ)/userspace/views/words.o: userspace/views/data/words.txt

$(LIB): $(LIB_OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(BIN)/axfwd: $(DAEMON_SRC:%.c=$(OBJ)/%.o) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BIN)/axfw: $(CLI_SRC:%.c=$(OBJ)/%.o) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# Loops over channels become vectors; fused multiplications would round otherwise on other machines.
$(OBJ)/tools/axfw-train/%.o: CFLAGS += -O3 -ffp-contract=off
$(OBJ)/userspace/model/evaluate.o: CFLAGS += $(if $(SAN),,-O3)
$(BIN)/axfw-train: $(TRAIN_SRC:%.c=$(OBJ)/%.o) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# The parts of axfw have tests too; they aren't in the library. An archive, so that a test links only the
# parts it names.
$(OBJ)/libcli.a: $(CLI_PARTS)
	@rm -f $@
	@ar rcs $@ $^

$(BIN)/unit/test_cli_%: $(OBJ)/tests/unit/test_cli_%.o $(OBJ)/libcli.a $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

$(BIN)/unit/test_bench_%: $(OBJ)/tests/unit/test_bench_%.o $(OBJ)/tools/bench/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

# The daemon but for its main(), so that a test runs a whole node as the daemon puts it together.
$(OBJ)/libnode.a: $(filter-out %/main.o,$(DAEMON_SRC:%.c=$(OBJ)/%.o))
	@rm -f $@
	@ar rcs $@ $^

$(BIN)/unit/%: $(OBJ)/tests/unit/%.o $(OBJ)/libnode.a $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

$(BIN)/bpf-tests: $(BPFT_SRC:%.c=$(OBJ)/%.o) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BIN)/kernel-tests: $(KERNELT_SRC:%.c=$(OBJ)/%.o) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

$(BIN)/packet-fuzz: $(PACKETS_SRC:%.c=$(OBJ)/%.o)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BIN)/connection-fuzz: $(CONNECTIONS_SRC:%.c=$(OBJ)/%.o)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BIN)/axfw-bench: $(BENCH_SRC:%.c=$(OBJ)/%.o) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

unit: $(UNIT_BIN)
.PHONY: unit

-include $(shell find $(B)/bpf $(B)/obj $(B)/obj-san -name '*.d' 2>/dev/null)

# --- running and testing -------------------------------------------------------------------------
run: ## install what is missing, build, start on http://127.0.0.1:8004 (AXFW_INTERFACE=eth0 for a NIC)
	@tools/deps.sh build
	@$(MAKE) --no-print-directory $(JOBS) all
	@tools/run.sh

test: ## install what is missing, build, run every test
	@tools/deps.sh build test
	@tests/run.sh all

check: ## quick and unprivileged: unit tests under ASan and UBSan
	@tests/run.sh unit

check-root: ## what needs root: the verdict table in the kernel and end to end
	@tests/run.sh root

vmtest: ## boot other kernels in qemu and test everything there (VMTEST="trixie sid", VMTEST=--help)
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory $(JOBS) all $(BIN)/bpf-tests $(BIN)/kernel-tests
	@vmtest/run.sh $(VMTEST)

bench: ## measure, print tables, write build/bench.json (BENCH="--full", BENCH="verdicts start")
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory $(JOBS) all $(BIN)/axfw-bench $(BIN)/bpf-tests
	@tools/bench/run.sh $(BENCH)

fresh: ## the two commands of the README in a Debian 12 root that has nothing installed
	@tests/fresh/run.sh

# libFuzzer wants everything it looks into built by clang; parsers of outside bytes live in these modules
# and files.
FUZZ_MODULES ?= base views pii crypto model guard
FUZZ_FILES   := userspace/http/form.c userspace/http/lookup.c userspace/api/json_body.c \
                userspace/exchange/reply.c userspace/identity/email.c tools/axfw/receipt.c
FUZZ_CFLAGS  := -std=gnu11 -g -O1 $(PKG_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_OBJ     := $(patsubst %.c,$(B)/obj-fuzz/%.o,$(foreach m,$(FUZZ_MODULES),$(wildcard userspace/$(m)/*.c)) $(FUZZ_FILES))
FUZZ_BIN     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
.SECONDARY: $(FUZZ_BIN:$(B)/fuzz/%=$(B)/obj-fuzz/tests/fuzz/%.o)
$(B)/obj-fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj-fuzz/userspace/guard/rules.o: $(wildcard userspace/guard/data/rules/*)
$(B)/obj-fuzz/userspace/views/words.o: userspace/views/data/words.txt
$(B)/fuzz/%: $(B)/obj-fuzz/tests/fuzz/%.o $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(CLANG) -fsanitize=fuzzer,address,undefined $^ $(LDLIBS) -o $@

fuzz: all $(FUZZ_BIN) $(BIN)/packet-fuzz $(BIN)/connection-fuzz ## libFuzzer on every parser, packets against a model, connections over a bad cable
	@tests/fuzz/run.sh $(FUZZ_BIN)

lint: ## clang-format, clang-tidy, cppcheck, shellcheck
	@tools/lint.sh

format: ## reformat the C sources
	@git ls-files '*.[ch]' | xargs clang-format -i

docs: $(BIN)/axfwd ## regenerate docs/configuration.md from the settings table
	@tools/docs.sh

compile_commands.json: Makefile
	@tools/compile-commands.sh > $@

DESTDIR ?=
PREFIX  ?= /usr/local
install: all ## copy programs, documentation and systemd's units to PREFIX (/usr/local)
	install -D -m 0755 $(B)/axfwd $(DESTDIR)$(PREFIX)/sbin/axfwd
	install -D -m 0755 $(B)/axfw $(DESTDIR)$(PREFIX)/bin/axfw
	install -D -m 0644 $(BPF_OBJ) $(DESTDIR)$(PREFIX)/lib/axfw/axfw.bpf.o
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system deploy/axfwd.service deploy/axfwd.socket
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/axfw README.md CHANGELOG.md
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/axfw/docs docs/*.md

clean: ## remove build/
	rm -rf $(B) compile_commands.json
