# SPDX-License-Identifier: BSD-2-Clause
# Front door. The build itself is Meson's.

build:
	tools/deps verify build
	tools/build build all

deps:
	tools/deps install all

demo:
	tools/deps install build
	tools/build build cli/lazaret
	tools/demo build/cli/lazaret

check:
	tools/deps install all
	tools/check

# The tests under AddressSanitizer and UndefinedBehaviorSanitizer alone.
asan:
	tools/deps install all
	tools/check asan

# The tests on real threads under ThreadSanitizer alone.
tsan:
	tools/deps install all
	tools/check tsan

# Real threads for a quarter of an hour; SOAK=operations per thread and seed. Then
# TOKENS=tokens of the explorer, written, read and replayed (docs/EXPLORER.md).
soak:
	tools/deps install all
	tools/soak

# The bare-metal image on QEMU's SMMUv3 (docs/PORTING.md).
qemu:
	tools/deps install build
	tools/deps install qemu
	tools/qemu build

# Models and driver against random programs; FUZZ=seconds each (docs/FUZZING.md).
fuzz:
	tools/deps install all
	tools/fuzz

# What the library costs on AArch64.
size:
	tools/deps install all
	tools/build build tests/config/ram tests/config/ram-riscv
	tools/size build

# The API documentation, in build/docs.
docs:
	tools/deps install all
	tools/docs

# Instructions of the hot path, under callgrind (docs/PERFORMANCE.md).
count:
	tools/deps install all
	tools/build build figures/count
	tools/count build/figures/count

# Broken libraries, and whether the explorer finds out (docs/MUTANTS.md).
mutants:
	tools/deps install all
	tools/build build cli/lazaret
	tools/mutants build

# What the explorer finds in the published algorithm (docs/FOUND.md).
found:
	tools/deps install all
	tools/build build cli/lazaret tests/peers/lazaret-v4
	tools/found build

format:
	tools/c-files | xargs clang-format -i

clean:
	rm -rf build build-clang build-asan build-tsan build-fuzz build-check

.PHONY: build deps demo check asan tsan soak fuzz qemu size docs count mutants found format clean
