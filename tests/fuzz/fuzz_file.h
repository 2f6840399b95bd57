/* SPDX-License-Identifier: BSD-2-Clause */
/* The loaders take file names: files in memory that inputs are put into. */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fuzz_file {
	int fd; /* 0: not yet made */
	char name[32];
};

/* Makes the file hold exactly these bytes; returns its name. */
static inline const char *fuzz_file(struct fuzz_file *f, const void *data, size_t size)
{
	if (!f->fd) {
		f->fd = memfd_create("fuzz", 0);
		if (f->fd <= 0)
			abort();
		snprintf(f->name, sizeof(f->name), "/proc/self/fd/%d", f->fd);
	}
	if (ftruncate(f->fd, 0) || pwrite(f->fd, data, size, 0) != (ssize_t)size)
		abort();
	return f->name;
}

/* An input error is one line NAME:POSITION: expected ... */
static inline void fuzz_check_error(const char *err)
{
	const char *p = strchr(err, ':');

	if (!p || !isdigit((unsigned char)p[1]) || strchr(err, '\n') || !strstr(p, ": expected "))
		abort();
}

/* A dump of some functions of two segments, for the tables to map. */
static inline const char *fuzz_dump(void)
{
	static const char *const bdfs[] = {"0000:00:00.0", "0000:01:00.0", "0000:ff:1f.7",
					   "0001:00:00.0"};
	static struct fuzz_file file;
	static char text[8192];

	if (*text)
		return file.name;
	for (size_t i = 0; i < sizeof(bdfs) / sizeof(bdfs[0]); i++) {
		sprintf(text + strlen(text), "%s test\n", bdfs[i]);
		for (unsigned at = 0; at < 256; at += 16)
			sprintf(text + strlen(text),
				"%02x: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n", at);
	}
	return fuzz_file(&file, text, strlen(text));
}

#endif
