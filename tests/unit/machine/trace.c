/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces: the sums of the captured ones, attribution, and damage. */
#include "machine/trace.h"
#include "common.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define STRICT "data/linux-6.1-acpi-server-strict.kprobe-trace.gz"

static struct trace_summary sum_of(const char *path)
{
	struct trace_shadow *s = trace_shadow_new();
	struct trace_summary t;
	char err[512] = "";

	assert_non_null(s);
	if (trace_read(path, &trace_shadow_ops, s, 0, err, sizeof(err)))
		fail_msg("%s", err);
	assert_false(trace_shadow_failed(s));
	t = *trace_shadow_summary(s);
	trace_shadow_free(s);
	return t;
}

static void read_fails(const char *path, const char *what)
{
	struct trace_shadow *s = trace_shadow_new();
	char err[512] = "";

	assert_non_null(s);
	if (!trace_read(path, &trace_shadow_ops, s, 0, err, sizeof(err)))
		fail_msg("read, instead of: %s", what);
	check_error_line(err);
	if (!strstr(err, what))
		fail_msg("\"%s\" does not contain \"%s\"", err, what);
	trace_shadow_free(s);
}

static void strict_trace(void **state)
{
	struct trace_summary t = sum_of(STRICT);

	(void)state;
	assert_int_equal(t.maps, 45016);
	assert_int_equal(t.unmaps, 43938);
	assert_int_equal(t.unmaps_by_context[TRACE_HARDIRQ], 33956);
	assert_int_equal(t.unmaps_by_context[TRACE_SOFTIRQ], 9031);
	assert_int_equal(t.unmaps_by_context[TRACE_TASK], 951);
	assert_int_equal(t.domains, 28);
	assert_int_equal(t.errors, 0);
	/* The doorbell page of 27 domains (that of 41:00.0 went with its first
	 * domain) and eight pages of virtio-scsi. */
	assert_int_equal(t.pages, 27 + 8);
}

static void lazy_trace(void **state)
{
	struct trace_summary t = sum_of("data/linux-6.1-acpi-server-lazy.kprobe-trace.gz");

	(void)state;
	assert_int_equal(t.maps, 13958);
	assert_int_equal(t.unmaps, 13700);
	assert_int_equal(t.flushes, 698);
	assert_int_equal(t.errors, 0);
}

static void three_device_trace(void **state)
{
	struct trace_summary t = sum_of("data/linux-6.1-nvme-virtio-3dev.kprobe-trace.gz");

	(void)state;
	assert_int_equal(t.maps, 10684);
	assert_int_equal(t.unmaps, 7951);
	assert_int_equal(t.domains, 3);
	assert_int_equal(t.devices, 3);
	assert_int_equal(t.errors, 0);
}

static void bare_trace(void **state)
{
	struct trace_summary t = sum_of("data/linux-6.1-nvme-1dev.trace.gz");

	(void)state;
	assert_int_equal(t.maps, 4332);
	assert_int_equal(t.unmaps, 1361);
	assert_int_equal(t.domains, 1);
	assert_int_equal(t.pages, 0);
	assert_int_equal(t.errors, 0);
}

#define K(who, cpu, flags, dom) \
	who " [" cpu "] " flags " 1.000001: k_map: (iommu_map+0x0/0x94) dom=0x" dom " prot=0x6\n"
#define M(who, cpu, flags)                                                          \
	who " [" cpu "] " flags " 1.000002: map: IOMMU: iova=0x0000000000001000 - " \
	    "0x0000000000002000 paddr=0x0000000000005000 size=4096\n"

struct seen {
	struct trace_event e[8];
	unsigned n;
};

static int collect(void *ctx, const struct trace_event *e)
{
	struct seen *s = ctx;

	assert_true(s->n < 8);
	s->e[s->n++] = *e;
	return 0;
}

static void collect_text(const char *text, uint64_t limit, struct seen *s)
{
	const struct trace_ops ops = {.map = collect, .unmap = collect, .attach = collect};
	char err[512] = "";

	memset(s, 0, sizeof(*s));
	if (trace_read(temp_text(text), &ops, s, limit, err, sizeof(err)))
		fail_msg("%s", err);
	temp_remove();
}

/* An interrupt, another task, and the idle task of another CPU come between. */
static void the_last_kprobe_line_of_task_and_context_counts(void **state)
{
	struct seen s;

	(void)state;
	collect_text(K("a-1", "000", "d....", "a1") K("a-1", "000", "d.h..", "b2")
			     K("b-2", "000", "d....", "c3") M("a-1", "000", ".....")
				     M("a-1", "000", "d.h..") M("b-2", "001", "....."),
		     0, &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.e[0].domain, 0xa1);
	assert_int_equal(s.e[0].context, TRACE_TASK);
	assert_int_equal(s.e[1].domain, 0xb2);
	assert_int_equal(s.e[1].context, TRACE_HARDIRQ);
	assert_int_equal(s.e[2].domain, 0xc3);
	assert_true(s.e[2].has_prot);
	assert_int_equal(s.e[2].prot, 6);
	collect_text(K("<idle>-0", "000", "d.h..", "a1") K("<idle>-0", "001", "d.h..", "b2")
			     M("<idle>-0", "000", "d.h..") M("<idle>-0", "001", "d.h..")
				     M("<idle>-0", "002", "d.h.."),
		     0, &s);
	assert_int_equal(s.e[0].domain, 0xa1);
	assert_int_equal(s.e[1].domain, 0xb2);
	assert_false(s.e[2].attributed);
	/* A hard interrupt during a soft one is a context of its own. */
	collect_text(K("a-1", "000", "d.h..", "a1") K("a-1", "000", "d.H..", "b2")
			     M("a-1", "000", "d.h.."),
		     0, &s);
	assert_int_equal(s.e[0].domain, 0xa1);
}

static void fields_of_an_event(void **state)
{
	struct seen s;

	(void)state;
	collect_text("# tracer: nop\n#\n my cmd [2] x-77 (  77) [003] d.s1.   12.345678: unmap: "
		     "IOMMU: iova=0x00000000fff00000 - 0x00000000fff03000 size=12288 "
		     "unmapped_size=8192\n",
		     0, &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.e[0].line, 3);
	assert_int_equal(s.e[0].pid, 77);
	assert_int_equal(s.e[0].cpu, 3);
	assert_int_equal(s.e[0].context, TRACE_SOFTIRQ);
	assert_int_equal(s.e[0].time_ns, 12345678000);
	assert_int_equal(s.e[0].iova, 0xfff00000);
	assert_int_equal(s.e[0].size, 8192);
	assert_true(s.e[0].attributed);
}

static void the_limit_counts_maps_and_unmaps(void **state)
{
	struct seen s;

	(void)state;
	collect_text(M("a-1", "000", ".....") M("a-1", "000", ".....") M("a-1", "000", "....."), 2,
		     &s);
	assert_int_equal(s.n, 2);
}

/* Overlap, unmap of an unknown page, and an event that nobody announced. */
static void contradictions_are_counted(void **state)
{
	struct trace_summary t;

	(void)state;
	t = sum_of(temp_text(
		K("a-1", "000", "d....", "a1") M("a-1", "000", ".....") M("a-1", "000", ".....")
			M("b-2", "000", ".....") "a-1 [000] d.... 1.5: unmap: IOMMU: "
						 "iova=0x0000000000008000 - 0x0000000000009000 "
						 "size=4096 unmapped_size=4096\n"));
	assert_int_equal(t.overlaps, 1);
	assert_int_equal(t.unattributed, 1);
	assert_int_equal(t.unknown_pages, 1);
	assert_int_equal(t.errors, 3);
	assert_int_equal(t.first_error_line, 3);
	temp_remove();
}

/* The same pages in another domain are other pages; a domain that is freed with
 * its group takes its pages along. */
static void domains_have_pages_of_their_own(void **state)
{
#define ADD    "a-1 [000] ..... 1.1: add_device_to_group: IOMMU: groupID=3 device=0000:01:00.0\n"
#define ATTACH "a-1 [000] ..... 1.2: attach_device_to_domain: IOMMU: device=0000:01:00.0\n"
#define REMOVE \
	"a-1 [000] ..... 1.3: remove_device_from_group: IOMMU: groupID=3 device=0000:01:00.0\n"
	struct trace_summary t;

	(void)state;
	t = sum_of(temp_text(K("a-1", "000", "d....", "a1") M("a-1", "000", ".....")
				     K("a-1", "000", "d....", "b2") M("a-1", "000", ".....")));
	assert_int_equal(t.errors, 0);
	assert_int_equal(t.pages, 2);
	t = sum_of(temp_text(ADD K("a-1", "000", "d....", "a1") ATTACH M("a-1", "000", ".....")
				     REMOVE M("a-1", "000", ".....")));
	assert_int_equal(t.errors, 0);
	assert_int_equal(t.pages, 1);
	assert_int_equal(t.peak_pages, 1);
	temp_remove();
}

static void the_line_is_named(void **state)
{
	(void)state;
	read_fails(temp_text(""), ":1: expected at least one line");
	read_fails(temp_text("garbage\n"), ":1: expected an ftrace line");
	read_fails(temp_text(M("a-1", "000", ".....") "a-1 [000] d.h.. 1.0: map: nothing\n"),
		   ":2: expected IOMMU: iova=");
	read_fails(temp_text(M("a-1", "000", "xx")), ":1: expected the flags column");
	read_fails(temp_text(M("a-1", "000", "..q..")), ":1: expected the flags column");
	read_fails(temp_text("a-1 [000] ..... 1.0: map: IOMMU: iova=0x1000 - 0x1000 paddr=0x0 "
			     "size=0\n"),
		   ":1: expected an iova range");
	read_fails(temp_text("a-1 [000] ..... 1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x0 "
			     "size=4097\n"),
		   ":1: expected size= as long as");
	read_fails(temp_text("a-1 [000] ..... 1.0: k_map: (x) dom=1\n"), ":1: expected dom=0x");
	read_fails(temp_text("CPU:1 [LOST 12 EVENTS]\n"), ":1: expected a trace without lost");
	read_fails("/nonexistent/trace", "expected a readable file");
	read_fails("/", "expected a readable file");
	temp_remove();
}

/* The first lines of a real trace as text, cut everywhere but at line ends. */
static void every_cut_inside_a_line_is_refused(void **state)
{
	static char text[6000];
	gzFile gz = gzopen(STRICT, "rb");
	size_t cut;

	(void)state;
	assert_non_null(gz);
	assert_int_equal(gzread(gz, text, sizeof(text)), sizeof(text));
	gzclose(gz);
	for (cut = 1; cut < sizeof(text); cut += 7) {
		if (text[cut - 1] != '\n')
			read_fails(temp_file(text, cut), "expected");
	}
	temp_remove();
}

static void a_cut_gzip_file_is_refused(void **state)
{
	size_t len, cut;
	char *gz = slurp("data/linux-6.1-nvme-1dev.trace.gz", &len);

	(void)state;
	for (cut = 20; cut < len; cut += len / 23)
		read_fails(temp_file(gz, cut), "expected");
	/* A byte that is not what it was is found by the data or by the checksum. */
	gz[len / 2] ^= 0x20;
	read_fails(temp_file(gz, len), "expected");
	gz[len / 2] ^= 0x20;
	/* All text is there, but the checksum behind it is not, or is another. */
	read_fails(temp_file(gz, len - 4), "expected more of the gzip data");
	gz[len - 6] ^= 1;
	read_fails(temp_file(gz, len), "expected sound gzip data");
	free(gz);
	temp_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_trace),
		cmocka_unit_test(lazy_trace),
		cmocka_unit_test(three_device_trace),
		cmocka_unit_test(bare_trace),
		cmocka_unit_test(the_last_kprobe_line_of_task_and_context_counts),
		cmocka_unit_test(fields_of_an_event),
		cmocka_unit_test(the_limit_counts_maps_and_unmaps),
		cmocka_unit_test(contradictions_are_counted),
		cmocka_unit_test(domains_have_pages_of_their_own),
		cmocka_unit_test(the_line_is_named),
		cmocka_unit_test(every_cut_inside_a_line_is_refused),
		cmocka_unit_test(a_cut_gzip_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
