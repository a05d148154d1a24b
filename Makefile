# Forebay: what people type. `make help` lists the targets.

# There is one build, the optimised one: the demo, the tests and the benchmark run what ships, and a machine compiles the
# dependencies once. Warnings are errors (Package.swift); an import that no target declares is one, too.
SWIFT_FLAGS := -c release --explicit-target-dependency-import-check error
BIN := .build/release
SOURCES := Package.swift Sources simulators Tests $(wildcard Benchmarks/Package.swift Benchmarks/Sources)

# Where `make install` puts things; packagers set DESTDIR.
PREFIX := /usr/local
SYSCONFDIR := /etc
DESTDIR :=
LIB := $(DESTDIR)$(PREFIX)/lib
DOC := $(DESTDIR)$(PREFIX)/share/doc/forebay

.DEFAULT_GOAL := help
.PHONY: help setup demo test simulate crash build release run bench format lint check install clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install missing Debian packages (apt-get, as root or through sudo); `demo` and `test` do it, too
	@.ci/setup

demo: setup ## see it work: sensors of three kinds, a log, an alert; DEMO_FLAGS="--for 20s --port-base 20000"
	@$(MAKE) --no-print-directory build
	@$(BIN)/forebay demo $(DEMO_FLAGS)

test: setup ## build everything and run all tests; TEST_FLAGS="--filter Segment"
	@.ci/python
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build $(TEST_FLAGS)

simulate: setup ## the whole line under power cuts, full and failing disks, from seeds; SEEDS=1000, SEED=n repeats one
	swift build $(SWIFT_FLAGS) --build-tests
	FOREBAY_SEEDS=$(SEEDS) FOREBAY_SEED=$(SEED) swift test $(SWIFT_FLAGS) --skip-build --filter SimulationTests

crash: setup ## kills, power cuts and failing file calls at length; ROUNDS=1000, FOREBAY_SEED=... repeats a run
	swift build $(SWIFT_FLAGS) --build-tests
	FOREBAY_ROUNDS=$(or $(ROUNDS),1000) swift test $(SWIFT_FLAGS) --skip-build \
		--filter 'EndToEndTests.EndToEndTests/(CrashTests|DiskFaultTests|ImageTests)'

build: ## build forebay and forebay-sim into .build/release
	swift build $(SWIFT_FLAGS) --product forebay
	swift build $(SWIFT_FLAGS) --product forebay-sim

# Without a configuration: unpacked over an older one it must leave the box's own alone.
release: build ## an archive for machines without a Swift toolchain: .build/forebay-linux-ARCHITECTURE.tar.gz
	@rm -rf .build/archive
	@$(MAKE) --no-print-directory install DESTDIR="$(CURDIR)/.build/archive" PREFIX=/usr
	@rm -rf .build/archive/etc
	@tar --owner=root --group=root -C .build/archive -czf .build/forebay-linux-$$(uname -m).tar.gz .
	@ls -l .build/forebay-linux-$$(uname -m).tar.gz

run: build ## run the daemon in the foreground; CONFIG=FILE
	@$(BIN)/forebay run $(if $(CONFIG),--config $(CONFIG))

bench: setup build ## measure the whole line: speed, size, ratios against a bare C loop
	@Benchmarks/run $(BENCH_FLAGS)

format: ## format the Swift files in place
	swift format --in-place --recursive --parallel $(SOURCES)

lint: ## what the formatter would complain about
	swift format lint --strict --recursive --parallel $(SOURCES)

check: lint test ## all that continuous integration looks at

# The programs lie beside the Swift runtime that they were linked with, where they look for it ($$ORIGIN); `bin` has links.
install: ## install what `make build` has built, a sample configuration and systemd units; PREFIX=/usr/local DESTDIR=
	@test -x $(BIN)/forebay -a -x $(BIN)/forebay-sim || { echo "nothing is built yet: make setup build"; exit 1; }
	install -d $(LIB)/forebay $(DESTDIR)$(PREFIX)/bin
	install -m 755 --strip $(BIN)/forebay $(BIN)/forebay-sim $(LIB)/forebay
	ldd $(BIN)/forebay $(BIN)/forebay-sim | awk '$$3 ~ /\/swift\// { print $$3 }' | sort -u \
		| xargs install -m 644 -t $(LIB)/forebay
	ln -sf ../lib/forebay/forebay $(DESTDIR)$(PREFIX)/bin/forebay
	ln -sf ../lib/forebay/forebay-sim $(DESTDIR)$(PREFIX)/bin/forebay-sim
	install -d -m 750 $(DESTDIR)$(SYSCONFDIR)/forebay
	test -e $(DESTDIR)$(SYSCONFDIR)/forebay/forebay.yaml \
		|| install -m 640 config/forebay.yaml $(DESTDIR)$(SYSCONFDIR)/forebay/forebay.yaml
	install -d $(DOC)/mosquitto $(LIB)/systemd/system $(LIB)/sysusers.d $(LIB)/tmpfiles.d $(LIB)/sysctl.d
	install -m 644 config/forebay.yaml config/forebay-sdcard.yaml LICENSE README.md CHANGELOG.md docs/*.md $(DOC)
	install -m 644 config/mosquitto/forebay.conf $(DOC)/mosquitto
	sed 's,/usr/bin/forebay,$(PREFIX)/bin/forebay,' systemd/forebay.service > $(LIB)/systemd/system/forebay.service
	chmod 644 $(LIB)/systemd/system/forebay.service
	install -m 644 systemd/forebay.sysusers.conf $(LIB)/sysusers.d/forebay.conf
	install -m 644 systemd/forebay.tmpfiles.conf $(LIB)/tmpfiles.d/forebay.conf
	install -m 644 systemd/60-forebay.sysctl.conf $(LIB)/sysctl.d/60-forebay.conf
	@test -n "$(DESTDIR)" || echo "next: systemd-sysusers && systemd-tmpfiles --create && sysctl --system" \
		"&& systemctl daemon-reload && systemctl enable --now forebay"

clean: ## remove what was built
	rm -rf .build Benchmarks/.build
