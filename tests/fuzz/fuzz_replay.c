/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fuzz target without libFuzzer: FILE-OR-DIRECTORY..., each input once, and
 * with -n N that many programs from a generator of fixed seed. Whatever the
 * target finds wrong aborts; -v names each input before it runs.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz_input.h"

#define INPUT_MAX (1u << 20)

static unsigned long runs;
static bool verbose;

static void run(const char *name, unsigned long n, const uint8_t *data, size_t size)
{
	/* Of its own size, so that AddressSanitizer sees who reads behind it. */
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (verbose)
		fprintf(stderr, "%s %lu\n", name, n);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static int run_file(const char *name)
{
	static uint8_t data[INPUT_MAX];
	FILE *f = fopen(name, "rb");
	size_t size;

	if (!f) {
		perror(name);
		return 1;
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	run(name, 0, data, size);
	return 0;
}

static int run_path(const char *path)
{
	struct dirent **entry;
	struct stat st;
	int failed = 0, n;

	if (stat(path, &st)) {
		perror(path);
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path);
	n = scandir(path, &entry, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			failed |= run_file(name);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return failed || n < 0;
}

/* splitmix64 */
static uint64_t draw(uint64_t *s)
{
	uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* How many bytes are small differs from input to input: where they choose what
 * hardware does, small ones mean "as it should be". */
static void generated(unsigned long n)
{
	static uint8_t data[2048];

	for (unsigned long i = 0; i < n; i++) {
		uint64_t s = i + 1;
		size_t size = 32 + draw(&s) % (sizeof(data) - 32);
		unsigned small = 1 + (unsigned)(draw(&s) % 16);

		for (size_t k = 0; k < size; k++) {
			uint64_t v = draw(&s);

			data[k] = (uint8_t)((v >> 8) % 16 < small ? v & 0x3f : v);
		}
		run("generated", i, data, size);
	}
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-v"))
			verbose = true;
		else if (!strcmp(argv[i], "-n") && i + 1 < argc)
			generated(strtoul(argv[++i], NULL, 10));
		else
			failed |= run_path(argv[i]);
	}
	printf("%lu inputs\n", runs);
	return failed || !runs;
}
