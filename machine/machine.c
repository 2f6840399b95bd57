/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts a machine together: the dump, then firmware's id mappings, then groups. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
	struct machine *m;
	const struct firmware *fw; /* NULL: no table, stream id = requester id */
	struct machine_function *f;
	const char *problem;
};

static const struct id_map *find_map(const struct firmware *fw, uint32_t segment, uint16_t rid)
{
	unsigned i;

	for (i = 0; i < fw->n_maps; i++) {
		const struct id_map *r = &fw->maps[i];
		uint32_t id = rid & r->mask, bus = rid >> 8;

		if (r->segment == segment && bus >= r->bus_first && bus <= r->bus_last &&
		    (r->single || (id >= r->first && id <= r->last)))
			return r;
	}
	return NULL;
}

static int add_stream(struct lookup *l, uint32_t sid)
{
	unsigned i;

	/* A function at the devfn of its own alias has one id, not two. */
	for (i = 0; i < l->f->n_stream_ids; i++) {
		if (l->f->stream_ids[i] == sid)
			return 0;
	}
	if (l->f->n_stream_ids == MACHINE_MAX_STREAMS) {
		l->problem = "expected at most 8 stream ids";
		return -1;
	}
	l->f->stream_ids[l->f->n_stream_ids++] = sid;
	return 0;
}

static int add_alias(void *ctx, uint16_t rid, int bridge)
{
	struct lookup *l = ctx;
	const struct id_map *r;

	(void)bridge;
	if (!l->fw) {
		l->f->smmu = 0;
		return add_stream(l, rid);
	}
	r = find_map(l->fw, l->f->segment, rid);
	if (!r || r->smmu == MACHINE_NONE)
		return 0;
	if (l->f->smmu != MACHINE_NONE && l->f->smmu != r->smmu) {
		l->problem = "expected the aliases of one function behind one SMMU";
		return -1;
	}
	l->f->smmu = r->smmu;
	l->f->ats_platform = r->ats;
	return add_stream(l, r->single ? r->output : r->output + ((rid & r->mask) - r->first));
}

static int assign_streams(struct machine *m, const struct firmware *fw, const struct where *w)
{
	unsigned i;

	for (i = 0; i < m->n_functions; i++) {
		struct lookup l = {.m = m, .fw = fw, .f = &m->functions[i]};

		if (pci_for_each_alias(m, (int)i, add_alias, &l))
			return fail_line(w, l.f->line, "%s for %s", l.problem, l.f->bdf);
	}
	return 0;
}

/* What one of them maps, the other reaches: the fabric does not tell them apart. */
static int note_shared(struct machine *m)
{
	for (unsigned i = 0; i < m->n_masters; i++) {
		const struct machine_master *e = &m->masters[i];

		for (unsigned k = 0; k < m->n_functions; k++) {
			const struct machine_function *f = &m->functions[k];

			for (unsigned s = 0; f->smmu == e->smmu && s < f->n_stream_ids; s++)
				if (f->stream_ids[s] == e->id &&
				    machine_note(m, "%s and %s have the same stream id, 0x%x",
						 e->path, f->bdf, e->id))
					return -1;
		}
	}
	return 0;
}

static int load_firmware(struct machine *m, struct firmware *fw, const char *dtb, const char *iort,
			 char *err, size_t errlen)
{
	struct where w = {dtb ? dtb : iort, err, errlen};

	if (dtb && iort)
		return fail_line(&w, 1, "expected a device tree or an IORT, not both");
	if (!dtb && !iort) {
		struct machine_smmu *s = grow(&m->smmus, &m->n_smmus, sizeof(*s));

		if (!s)
			return fail_memory(&w);
		s->anonymous = true;
		return 0;
	}
	return dtb ? dtb_load(m, fw, &w) : iort_load(m, fw, &w);
}

int machine_load(struct machine *m, const char *lspci, const char *dtb, const char *iort, char *err,
		 size_t errlen)
{
	struct where w = {lspci, err, errlen};
	struct firmware fw = {NULL, 0};
	int rc;

	memset(m, 0, sizeof(*m));
	rc = lspci ? lspci_load(m, &w) : 0;
	if (!rc && pci_describe(m))
		rc = fail_memory(&w);
	if (!rc)
		rc = load_firmware(m, &fw, dtb, iort, err, errlen);
	if (!rc)
		rc = assign_streams(m, dtb || iort ? &fw : NULL, &w);
	if (!rc && (groups_form(m) || note_shared(m)))
		rc = fail_memory(&w);
	free(fw.maps);
	if (rc)
		machine_free(m);
	return rc;
}

void machine_free(struct machine *m)
{
	unsigned i;

	for (i = 0; i < m->n_functions; i++)
		free(m->functions[i].config);
	for (i = 0; i < m->n_groups; i++)
		free(m->groups[i].functions);
	for (i = 0; i < m->n_notes; i++)
		free(m->notes[i]);
	free(m->functions);
	free(m->smmus);
	free(m->masters);
	free(m->groups);
	free(m->notes);
	memset(m, 0, sizeof(*m));
}

int machine_find(const struct machine *m, const char *bdf)
{
	char full[24];
	unsigned i;

	snprintf(full, sizeof(full), "%s%s", strlen(bdf) <= 7 ? "0000:" : "", bdf);
	for (i = 0; i < m->n_functions; i++) {
		if (!strcmp(m->functions[i].bdf, full))
			return (int)i;
	}
	return MACHINE_NONE;
}

enum machine_iommu machine_iommu_kind(const struct machine *m)
{
	return m->n_smmus ? m->smmus[0].kind : MACHINE_SMMUV3;
}

bool machine_ats_usable(const struct machine_function *f)
{
	return f->ats && f->ats_platform && f->smmu != MACHINE_NONE;
}
