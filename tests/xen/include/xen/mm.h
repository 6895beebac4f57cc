/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: pages, what a domain maps, and the heap of whole pages. */
#ifndef STAND_IN_XEN_MM_H
#define STAND_IN_XEN_MM_H

#include <xen/sched.h>
#include <xen/types.h>

struct page_info;

typedef struct {
	unsigned long m;
} mfn_t;

#define paddr_to_pfn(pa)	((unsigned long)((pa) >> PAGE_SHIFT))

paddr_t page_to_maddr(const struct page_info *page);
struct page_info *maddr_to_page(paddr_t ma);
mfn_t maddr_to_mfn(paddr_t ma);

/* What is behind a page of a domain's address space. */
typedef enum {
	p2m_invalid,
	p2m_ram_rw,
	p2m_ram_ro,
	p2m_mmio_direct_dev,
	p2m_mmio_direct_nc,
	p2m_mmio_direct_c,
	p2m_map_foreign_rw,
	p2m_map_foreign_ro,
	p2m_grant_map_rw,
	p2m_grant_map_ro,
	p2m_iommu_map_rw,
	p2m_iommu_map_ro,
} p2m_type_t;

typedef unsigned int p2m_query_t;
#define P2M_ALLOC	(1u << 0)

/*
 * The page at a guest frame number with a reference taken, and what it is; NULL
 * when there is no page, or it cannot be had. A page with a reference is not
 * freed, whatever happens to the map.
 */
struct page_info *get_page_from_gfn(struct domain *d, unsigned long gfn,
				    p2m_type_t *type, p2m_query_t query);
void put_page(struct page_info *page);

/* A page with fewer than so many address bits; of nobody when d is NULL. */
#define MEMF_bits(n)	((unsigned int)(n) << 24)
struct page_info *alloc_domheap_page(struct domain *d, unsigned int memflags);
void free_domheap_page(struct page_info *page);

#endif
