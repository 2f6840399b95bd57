/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret explore: a scenario under every schedule that can be reached. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/explore_load.h"
#include "cli/explore_rig.h"
#include "explore/search.h"

static const char help[] =
	"usage: lazaret explore SCENARIO.yaml [OPTION]...\n"
	"       lazaret explore SCENARIO.yaml --replay TOKEN [--verbose]\n"
	"       lazaret explore --list\n"
	"\n"
	"Runs the library on the models again and again, each time under another schedule,\n"
	"and judges each by the invariants A to H. What it finds is made small and printed\n"
	"with a token that replays it.\n"
	"\n"
	"  --strategy NAME  auto (default), pct, pos, random, dfs, dpor\n"
	"  --runs N         at most N schedules\n"
	"  --time S         at most S seconds; 10 when neither is given\n"
	"  --seed N         which schedules are drawn (default 1)\n"
	"  --jobs N         processes; default: one per core\n"
	"  --bound N        delays of dfs (default 2), preemptions of dpor (default 2)\n"
	"  --weak N         stores that stay in a buffer and stale loads, at most N a run (0 to "
	"8)\n"
	"  --iommu NAME     smmuv3 or riscv, instead of what the scenario says\n"
	"  --keep-going     look for other violations after the first\n"
	"  --json           the result as one JSON object\n"
	"  --replay TOKEN   runs that schedule and shows it in columns; -: standard input\n"
	"  --verbose        with --replay: every step\n"
	"  --list           the bodies that scenarios can name\n"
	"  --help           this text\n"
	"\n"
	"Exit: 0 held, 1 an invariant was violated, 2 usage or input error, 3 internal error,\n"
	"inconclusive, or a token of another build or scenario.\n";

struct options {
	const char *strategy, *runs, *time, *seed, *jobs, *bound, *weak, *iommu, *replay;
	bool json, verbose, keep_going, list;
	struct ex_options ex;
	uint64_t n_weak;
};

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *out, const char *name,
		   int *code)
{
	if (!text || cli_number(text, min, max, out))
		return true;
	*code = cli_usage("explore", "%s takes a whole number from %" PRIu64 " to %" PRIu64, name,
			  min, max);
	return false;
}

static bool strategy(struct options *o, int *code)
{
	static const char *const name[] = {"auto", "pct", "pos", "random", "dfs", "dpor"};

	for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		if (o->strategy && strcmp(o->strategy, name[i]))
			continue;
		o->ex.strategy = (enum ex_kind)i;
		return true;
	}
	*code = cli_usage("explore", "--strategy takes auto, pct, pos, random, dfs or dpor");
	return false;
}

static bool iommu(const struct options *o, int *code)
{
	for (unsigned i = 0; explore_iommus[i]; i++)
		if (!o->iommu || !strcmp(o->iommu, explore_iommus[i]))
			return true;
	*code = cli_usage("explore", "--iommu takes smmuv3 or riscv");
	return false;
}

static void progress(const struct ex_progress *p)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "%" PRIu64 " schedules, %.0f operations/s, %" PRIu64 " distinct%s", p->schedules,
		 p->seconds > 0 ? (double)p->operations / p->seconds : 0.0, p->distinct,
		 p->left >= 0 ? ", seconds left:" : ", seconds:");
	cli_progress((uint64_t)(p->left >= 0 ? p->left : p->seconds), 0, text);
}

static int check_options(struct options *o)
{
	uint64_t seconds = 0, jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), bound = 2;
	int code = CLI_HELD;

	o->ex.seed = 1;
	if (!strategy(o, &code) || !iommu(o, &code) ||
	    !number(o->runs, 1, UINT32_MAX, &o->ex.runs, "--runs", &code) ||
	    !number(o->time, 1, 1000000, &seconds, "--time", &code) ||
	    !number(o->seed, 0, UINT64_MAX, &o->ex.seed, "--seed", &code) ||
	    !number(o->jobs, 1, 64, &jobs, "--jobs", &code) ||
	    !number(o->bound, 0, 1000, &bound, "--bound", &code) ||
	    !number(o->weak, 0, 8, &o->n_weak, "--weak", &code))
		return code;
	if (o->runs && o->time)
		return cli_usage("explore", "--runs and --time exclude each other");
	if (o->verbose && !o->replay)
		return cli_usage("explore", "--verbose belongs to --replay");
	o->ex.seconds = o->runs ? 0 : seconds ? (double)seconds : 10.0;
	o->ex.jobs = (unsigned)jobs;
	o->ex.bound = (unsigned)bound;
	o->ex.keep_going = o->keep_going;
	o->ex.progress = progress;
	return CLI_HELD;
}

/* ---- results ---- */

static const char *name_of(const struct ex_violation *v)
{
	static char name[2];

	name[0] = v->invariant;
	return v->invariant == EX_EXPECT ? "expect" : name;
}

static int print_json(const struct ex_subject *s, const struct ex_result *r)
{
	json_t *o = json_object(), *list = json_array();
	double per = r->schedules ? (double)r->operations / (double)r->schedules : 0;

	json_object_set_new(o, "schema", json_integer(1));
	json_object_set_new(o, "verdict", json_string(r->n_found ? "violated" : "held"));
	json_object_set_new(o, "schedules", json_integer((json_int_t)r->schedules));
	json_object_set_new(o, "schedules_per_s",
			    json_real(r->seconds > 0 ? (double)r->schedules / r->seconds : 0));
	json_object_set_new(o, "operations_per_schedule", json_real(per));
	json_object_set_new(o, "distinct", json_integer((json_int_t)r->distinct));
	json_object_set_new(o, "exhausted", json_boolean(r->exhausted));
	for (unsigned i = 0; i < r->n_found; i++) {
		const struct ex_found *f = &r->found[i];
		char *token = ex_found_token(s, f);
		json_t *v = json_object();

		json_object_set_new(v, "invariant", json_string(name_of(&f->v)));
		json_object_set_new(v, "token", json_string(token));
		json_object_set_new(v, "steps", json_integer((json_int_t)f->steps));
		json_object_set_new(v, "where", json_string(f->v.text));
		json_object_set_new(v, "strategy", json_string(f->strategy));
		json_object_set_new(v, "schedule", json_integer((json_int_t)f->schedule));
		json_object_set_new(v, "switches", json_integer((json_int_t)f->switches));
		json_array_append_new(list, v);
		free(token);
	}
	json_object_set_new(o, "violations", list);
	return cli_json_print(o, 0);
}

static void print_verdict(const struct ex_violation *v)
{
	printf("%sinvariant %s violated%s: %s (step %" PRIu64 ", %.3f us of model time)\n",
	       cli_color(CLI_RED), name_of(v), cli_color(CLI_PLAIN), v->text, v->step,
	       (double)v->time / 1e3);
}

/* Of an argument, where systems have a limit. */
#define LONGEST_TOKEN 100000u

static void print_command(const char *path, const struct options *o, const char *token)
{
	bool too_long = strlen(token) > LONGEST_TOKEN;

	if (too_long)
		printf("\nThe token has %zu letters, too many for an argument: --json prints it, "
		       "and",
		       strlen(token));
	printf("\nlazaret explore %s%s%s%s%s --replay %s\n", path, o->weak ? " --weak " : "",
	       o->weak ? o->weak : "", o->iommu ? " --iommu " : "", o->iommu ? o->iommu : "",
	       too_long ? "- reads it." : token);
}

static void print_found(const char *path, const struct ex_subject *s, const struct options *o,
			const struct ex_found *f)
{
	char *token = ex_found_token(s, f);
	struct ex_run r;

	putchar('\n');
	print_verdict(&f->v);
	printf("found by %s in schedule %" PRIu64 "; %" PRIu64
	       " switches, made smaller from %" PRIu64 "\n\n",
	       f->strategy, f->schedule, f->switches, f->switches_before);
	ex_replay(s, f->seed, &f->log, true, &r);
	ex_view(stdout, &r, false);
	ex_run_free(&r);
	print_command(path, o, token);
	free(token);
}

static void print_text(const char *path, const char *description, const struct ex_subject *s,
		       const struct options *o, const struct ex_result *r)
{
	printf("%s%s%s\n", cli_color(CLI_BOLD), description ? description : s->name,
	       cli_color(CLI_PLAIN));
	printf("%" PRIu64 " schedules in %.1f s (%.0f a second), %.0f operations each, %" PRIu64
	       " of them distinct\n",
	       r->schedules, r->seconds, r->seconds > 0 ? (double)r->schedules / r->seconds : 0.0,
	       r->schedules ? (double)r->operations / (double)r->schedules : 0.0, r->distinct);
	if (r->exhausted)
		printf("every schedule with at most %u %s was run\n", o->ex.bound,
		       o->ex.strategy == EX_DPOR ? "preemptions" : "delays");
	if (!r->n_found && !*r->failure)
		printf("%sheld%s: no invariant was violated\n", cli_color(CLI_GREEN),
		       cli_color(CLI_PLAIN));
	for (unsigned i = 0; i < r->n_found; i++)
		print_found(path, s, o, &r->found[i]);
}

static int explore(const char *path, const char *description, const struct ex_subject *s,
		   const struct options *o)
{
	struct ex_result r;
	int code = CLI_HELD;

	ex_search(s, &o->ex, &r);
	cli_progress_end();
	if (o->json)
		code = print_json(s, &r);
	else
		print_text(path, description, s, o, &r);
	if (!code && r.n_found)
		code = CLI_VIOLATED;
	if (*r.failure) {
		fprintf(stderr, "lazaret explore: %s\n", r.failure);
		code = r.n_found ? code : CLI_INTERNAL;
	}
	ex_result_free(&r);
	return code;
}

/* ---- replay ---- */

static int judge_replay(const struct ex_token *t, const struct ex_run *r)
{
	if (r->diverged || r->steps != t->steps || (uint32_t)r->hash != t->hash) {
		fprintf(stderr, "lazaret explore: the run leaves the token's at step %" PRIu64 "\n",
			r->diverged ? r->diverged_at : r->steps);
		return CLI_INTERNAL;
	}
	return r->violation.found ? CLI_VIOLATED : CLI_HELD;
}

static int replay_json(const struct ex_run *r, const char *token)
{
	json_t *o = json_object(), *list = json_array();

	json_object_set_new(o, "schema", json_integer(1));
	json_object_set_new(o, "verdict", json_string(r->violation.found ? "violated" : "held"));
	json_object_set_new(o, "schedules", json_integer(1));
	json_object_set_new(o, "operations_per_schedule", json_real((double)r->operations));
	json_object_set_new(o, "exhausted", json_false());
	if (r->violation.found)
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:I,s:s}", "invariant",
						name_of(&r->violation), "token", token, "steps",
						(json_int_t)r->steps, "where", r->violation.text));
	json_object_set_new(o, "violations", list);
	return cli_json_print(o, 0);
}

/* Of a livelock it is longer than an argument may be. */
static char *token_from_stdin(void)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n = getline(&text, &size, stdin);

	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	if (n > 0)
		return text;
	free(text);
	return NULL;
}

static int replay(const char *path, const struct ex_subject *s, const struct options *o)
{
	struct ex_token t;
	const char *wrong = ex_token_read(o->replay, &t);
	struct ex_run r;
	int code;

	if (wrong)
		return cli_usage("explore", "--replay: %s", wrong);
	if (t.build != ex_build_id() || t.subject != s->hash) {
		fprintf(stderr, "lazaret explore: the token is of another %s\n",
			t.build != ex_build_id() ? "build" : "scenario");
		ex_log_free(&t.log);
		return CLI_INTERNAL;
	}
	ex_replay(s, t.seed, &t.log, true, &r);
	code = judge_replay(&t, &r);
	if (code <= CLI_VIOLATED && o->json) {
		int failed = replay_json(&r, o->replay);

		code = failed ? failed : code;
	} else if (code <= CLI_VIOLATED) {
		if (r.violation.found)
			print_verdict(&r.violation);
		else
			printf("held: no invariant was violated\n");
		putchar('\n');
		ex_view(stdout, &r, o->verbose);
		print_command(path, o, o->replay);
	}
	ex_run_free(&r);
	ex_log_free(&t.log);
	return code;
}

static int list(void)
{
	for (unsigned i = 0; ex_body_name(i); i++)
		printf("%-20s %s\n", ex_body_name(i), ex_body_what(i));
	return CLI_HELD;
}

/* A budget from outside makes another subject of it. */
static int act(const char *path, const char *description, struct ex_subject *s,
	       const struct options *o)
{
	if (o->weak) {
		s->budget[EX_WEAK] = (unsigned)o->n_weak;
		s->hash ^= 0x9e3779b1u * (uint32_t)(o->n_weak + 1);
	}
	return o->replay ? replay(path, s, o) : explore(path, description, s, o);
}

/* Instead of what it says; another subject. */
static int choose_iommu(const struct options *o, const char *path, struct ex_case *c)
{
	char err[200], text[512];

	for (unsigned i = 0; o->iommu && explore_iommus[i]; i++)
		if (!strcmp(o->iommu, explore_iommus[i]) && c->iommu != i) {
			c->iommu = i;
			c->hash ^= 0x85ebca6bu;
		}
	if (explore_check_iommu(c, err, sizeof(err)))
		return CLI_HELD;
	snprintf(text, sizeof(text), "%s: %s", path, err);
	return cli_input_error(text);
}

/* Made for exploration, or an ordinary scenario. */
static int explore_file(const char *path, const struct options *o)
{
	struct explore_rig rig;
	struct ex_subject s;
	struct ex_case c;
	char err[1024];
	int code;

	switch (explore_load(path, &c, err, sizeof(err))) {
	case 0:
		code = choose_iommu(o, path, &c);
		(void)ex_case_subject(&c, &s);
		code = code ? code : act(path, c.description, &s, o);
		explore_free(&c);
		return code;
	case 1:
		code = explore_rig_open(path, o->iommu, &rig, &s);
		if (code)
			return code;
		code = act(path, rig.sc.description, &s, o);
		explore_rig_close(&rig);
		return code;
	default:
		return cli_input_error(err);
	}
}

int cmd_explore(int argc, char **argv)
{
	struct options o = {0};
	const struct cli_option opts[] = {
		{"--strategy", &o.strategy, NULL}, {"--runs", &o.runs, NULL},
		{"--time", &o.time, NULL},	   {"--seed", &o.seed, NULL},
		{"--jobs", &o.jobs, NULL},	   {"--bound", &o.bound, NULL},
		{"--weak", &o.weak, NULL},	   {"--iommu", &o.iommu, NULL},
		{"--replay", &o.replay, NULL},	   {"--json", NULL, &o.json},
		{"--verbose", NULL, &o.verbose},   {"--keep-going", NULL, &o.keep_going},
		{"--list", NULL, &o.list},	   {NULL, NULL, NULL},
	};
	int code = CLI_HELD, n = cli_options(argc, argv, opts, help, &code);
	char *read = NULL;

	if (n < 0)
		return code;
	if (o.list)
		return n ? cli_usage("explore", "--list takes no scenario") : list();
	if (n != 1)
		return cli_usage("explore", "expected one scenario file (--help tells more)");
	code = check_options(&o);
	if (!code && o.replay && !strcmp(o.replay, "-")) {
		o.replay = read = token_from_stdin();
		if (!read)
			code = cli_usage("explore", "--replay -: expected a token");
	}
	code = code ? code : explore_file(argv[1], &o);
	free(read);
	return code;
}
