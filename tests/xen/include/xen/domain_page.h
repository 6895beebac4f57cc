/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: pages mapped for a moment, or until they are unmapped. */
#ifndef STAND_IN_XEN_DOMAIN_PAGE_H
#define STAND_IN_XEN_DOMAIN_PAGE_H

#include <xen/mm.h>

/* On this CPU only, not across anything that may take long. */
void *map_domain_page(mfn_t mfn);
void unmap_domain_page(const void *va);

/* On every CPU. NULL when there is no room. */
void *__map_domain_page_global(const struct page_info *page);
void unmap_domain_page_global(const void *va);

#endif
