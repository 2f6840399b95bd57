/* SPDX-License-Identifier: BSD-2-Clause */
/* lspci dumps: what is read from them, and what is refused. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

static void capabilities_of_the_server(void **state)
{
	static const char *const ats[] = {"03:00.0", "04:00.0", "05:00.0", "08:00.0",
					  "0a:00.0", "0a:00.1", "0f:00.0", "10:00.0",
					  "11:00.0", "41:00.0", "42:00.0"};
	struct machine m;
	unsigned n = 0, i;

	(void)state;
	load(&m, SERVER_LSPCI, NULL, SERVER_IORT);
	for (i = 0; i < m.n_functions; i++)
		n += m.functions[i].ats != 0;
	assert_int_equal(n, 11);
	for (i = 0; i < 11; i++) {
		assert_true(function(&m, ats[i])->ats);
		/* A depth of 0 in the register means 32. */
		assert_int_equal(function(&m, ats[i])->ats_depth, 32);
		/* Neither this SMMU nor the IORT has ATS. */
		assert_false(machine_ats_usable(function(&m, ats[i])));
	}
	assert_int_equal(function(&m, "00:0a.0")->config_len, 256);
	assert_int_equal(function(&m, "00:0a.0")->pcie_type, MACHINE_NONE);
	assert_true(function(&m, "00:01.0")->acs_isolates);
	assert_true(function(&m, "02:00.0")->flr);
	machine_free(&m);
}

/* Config space of a VF has ffff for its ids; the header line knows better. */
static void vfs_have_their_real_ids(void **state)
{
	struct machine m;

	(void)state;
	load(&m, SERVER_LSPCI, NULL, SERVER_IORT);
	for (unsigned n = 1; n <= 4; n++) {
		char bdf[16];
		const struct machine_function *f;

		snprintf(bdf, sizeof(bdf), "0b:00.%u", n);
		f = function(&m, bdf);
		assert_true(f->is_vf);
		assert_int_equal(f->config[0], 0xff);
		assert_int_equal(f->vendor, 0x1b36);
		assert_int_equal(f->device, 0x0010);
		assert_int_equal(f->pf, machine_find(&m, "0b:00.0"));
		assert_int_equal(f->class_code, 0x010802);
	}
	assert_false(function(&m, "0b:00.0")->is_vf);
	machine_free(&m);
}

/* A header line without ids, as of plain `lspci -xxxx`: the SR-IOV capability
 * of the physical function has them. */
static void ids_of_vfs_come_from_the_pf_without_a_header(void **state)
{
	struct machine m;
	size_t len;
	char *text = slurp(SERVER_LSPCI, &len), *p = text;

	(void)state;
	while ((p = strstr(p, " 0x")))
		memset(p, ' ', strcspn(p, "\n"));
	load(&m, temp_file(text, len), NULL, NULL);
	assert_int_equal(function(&m, "0b:00.3")->vendor, 0x1b36);
	assert_int_equal(function(&m, "0b:00.3")->device, 0x0010);
	assert_int_equal(function(&m, "03:00.0")->device, 0x1042);
	machine_free(&m);
	free(text);
	temp_remove();
}

/* Every prefix that is not whole functions is refused with its last line. */
static void every_cut_inside_a_function_is_refused(void **state)
{
	size_t len, cut, start = 0, tried = 0;
	char *text = slurp(SMALL_LSPCI, &len);

	(void)state;
	for (cut = 1; cut < len; cut += 397) {
		struct machine m;
		char err[512], whole = text[cut];
		const char *next;

		/* Behind the last row of a function: the dump is whole, only shorter. */
		text[cut] = '\0';
		next = strrchr(text, '\n');
		text[cut] = whole;
		start = next ? (size_t)(next - text) + 1 : 0;
		if (start == cut || !strncmp(text + start, "ff0:", 4) ||
		    !strncmp(text + start, "f0:", 3))
			continue;
		if (!machine_load(&m, temp_file(text, cut), NULL, NULL, err, sizeof(err)))
			fail_msg("accepted after %zu bytes", cut);
		check_error_line(err);
		tried++;
	}
	assert_true(tried > 300);
	free(text);
	temp_remove();
}

static void the_line_is_named(void **state)
{
	(void)state;
	load_fails(temp_text("00:01.0 x\n00: zz\n"), NULL, NULL, ":2: expected 16 bytes");
	load_fails(temp_text("00:01.0 x\n10: 00\n"), NULL, NULL, ":2: expected \"00:\"");
	load_fails(temp_text("hello\n"), NULL, NULL, ":1: expected a function");
	load_fails(temp_text(""), NULL, NULL, ":1: expected a function");
	load_fails(temp_text("00:01.8 x\n"), NULL, NULL, ":1: expected a function");
	load_fails(temp_text("00:20.0 x\n"), NULL, NULL, ":1: expected a function");
	load_fails(temp_text("00:01.0 x\n\n00:02.0 y\n"), NULL, NULL, ":3: expected 256 bytes");
	load_fails(temp_file("00:01.0 x\0y\n", 12), NULL, NULL, ":1: expected text");
	load_fails("/nonexistent/dump", NULL, NULL, "expected a readable file");
	load_fails("/", NULL, NULL, "expected a readable file");
	temp_remove();
}

static struct dump d;

static void a_function_may_stand_once(void **state)
{
	(void)state;
	dump_begin(&d);
	dump_conventional(&d, "00:01.0", 0);
	dump_conventional(&d, "0000:00:01.0", 0);
	load_fails(dump_file(&d), NULL, NULL, "expected each function once");
	temp_remove();
}

/* Root rights missing: lspci prints 64 bytes, and nothing can be said of ACS. */
static void express_functions_need_all_their_bytes(void **state)
{
	char *end;

	(void)state;
	dump_begin(&d);
	dump_express(&d, "00:01.0", MACHINE_PCIE_ENDPOINT, 0, ACS_NONE, false);
	end = strstr(d.text, "\n100:");
	assert_non_null(end);
	load_fails(temp_file(d.text, (size_t)(end - d.text) + 1), NULL, NULL,
		   "expected 4096 bytes of config space for 0000:00:01.0");
	end = strstr(d.text, "\n40:");
	load_fails(temp_file(d.text, (size_t)(end - d.text) + 1), NULL, NULL,
		   "expected 256 bytes of config space for 0000:00:01.0");
	temp_remove();
}

/* The text that `lspci -vvnn` puts between header and bytes; CR LF line ends. */
static void verbose_text_and_bracketed_ids_are_read(void **state)
{
	struct machine m;
	char text[4096] = "00:01.0 Class [0200]: Vendor Device [8086:10d3] (rev 01)\r\n"
			  "\tSubsystem: something\r\n\tFlags: fast\r\n";

	(void)state;
	for (unsigned i = 0; i < 256; i += 16)
		sprintf(text + strlen(text),
			"%02x: ff ff 00 00 00 00 00 00 00 00 00 02 00 00 00 00\r\n", i);
	load(&m, temp_text(text), NULL, NULL);
	assert_int_equal(m.n_functions, 1);
	assert_int_equal(m.functions[0].vendor, 0x8086);
	assert_int_equal(m.functions[0].device, 0x10d3);
	machine_free(&m);
	temp_remove();
}

/* Pointers that go in a circle, bridges that lead to themselves. */
static void circles_end(void **state)
{
	struct machine m;
	size_t len;
	char *text, *row;

	(void)state;
	dump_begin(&d);
	dump_express(&d, "01:00.0", MACHINE_PCIE_ROOT_PORT, 1, ACS_ON, false);
	dump_express(&d, "02:00.0", MACHINE_PCIE_UPSTREAM, 3, ACS_NONE, false);
	dump_express(&d, "03:00.0", MACHINE_PCIE_DOWNSTREAM, 2, ACS_NONE, false);
	load(&m, dump_file(&d), NULL, NULL);
	assert_int_equal(function(&m, "01:00.0")->upstream, MACHINE_NONE);
	assert_int_equal(function(&m, "02:00.0")->upstream, MACHINE_NONE);
	machine_free(&m);

	text = slurp(dump_file(&d), &len);
	row = strstr(text, "\n100: 0d 00 01 00"); /* next capability: itself */
	assert_non_null(row);
	memcpy(row, "\n100: 0d 00 01 10", 17);
	load(&m, temp_file(text, len), NULL, NULL);
	assert_int_equal(m.n_functions, 3);
	machine_free(&m);
	free(text);
	temp_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities_of_the_server),
		cmocka_unit_test(vfs_have_their_real_ids),
		cmocka_unit_test(ids_of_vfs_come_from_the_pf_without_a_header),
		cmocka_unit_test(every_cut_inside_a_function_is_refused),
		cmocka_unit_test(the_line_is_named),
		cmocka_unit_test(a_function_may_stand_once),
		cmocka_unit_test(express_functions_need_all_their_bytes),
		cmocka_unit_test(verbose_text_and_bracketed_ids_are_read),
		cmocka_unit_test(circles_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
