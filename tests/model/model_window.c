/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's window: the virtual addresses through which OP-TEE sees a guest's memory.
 *
 * As in OP-TEE (tee_mm.c, core_mmu.c), a buffer is mapped whole and by first fit, and
 * each 2 MiB of the window that was ever used costs a translation table for as long as
 * the guest lives. There are few of them, and OP-TEE panics, for every guest, when it
 * needs one more: a violation. This file knows no reason to map anything.
 */
#include <string.h>

#include "model_priv.h"

#define TABLE_PAGES	512u

static uint32_t tables_used(const struct mwindow *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < MODEL_WINDOW_PAGES / TABLE_PAGES; i++)
		n += w->table[i];
	return n;
}

/* The first gap of this many pages, MODEL_WINDOW_PAGES when there is none. */
static uint32_t first_fit(const struct mwindow *w, size_t pages)
{
	uint32_t gap = 0;

	for (uint32_t i = 0; i < MODEL_WINDOW_PAGES; i++) {
		gap = w->used[i] ? 0 : gap + 1;
		if (gap == pages)
			return i + 1 - gap;
	}
	return MODEL_WINDOW_PAGES;
}

static void use_tables(struct mguest *g, uint32_t first, size_t pages)
{
	uint32_t limit = g->model->config.shm_tables;
	struct mwindow *w = &g->window;

	for (size_t i = first / TABLE_PAGES; i <= (first + pages - 1) / TABLE_PAGES; i++)
		w->table[i] = true;
	if (!limit || tables_used(w) <= limit || w->panicked)
		return;
	w->panicked = true;
	violation(g->model, "guest %u: OP-TEE panics: %zu pages more do not fit in %u tables (I5)",
		  g->id, pages, limit);
}

bool window_map(struct mobj *o)
{
	struct mwindow *w = &o->guest->window;
	uint32_t first;

	if (o->maps++)
		return true;
	first = first_fit(w, o->pages);
	if (first == MODEL_WINDOW_PAGES) {
		o->maps = 0;
		return false;
	}
	memset(&w->used[first], 1, o->pages);
	o->mapped_at = first;
	use_tables(o->guest, first, o->pages);
	return true;
}

void window_unmap(struct mobj *o)
{
	if (o->maps && --o->maps == 0)
		memset(&o->guest->window.used[o->mapped_at], 0, o->pages);
}

/* A list page is mapped while it is read, and there is one at a time. */
bool window_has_room_for_a_list(struct mguest *g)
{
	uint32_t first = first_fit(&g->window, 1);

	if (first == MODEL_WINDOW_PAGES)
		return false;
	use_tables(g, first, 1);
	return true;
}
