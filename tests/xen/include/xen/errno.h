/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: error numbers, which are those of its public interface. */
#ifndef STAND_IN_XEN_ERRNO_H
#define STAND_IN_XEN_ERRNO_H

#ifndef ENOMEM
#define ENOMEM	12
#define EFAULT	14
#define EBUSY	16
#define ENODEV	19
#define EINVAL	22
#endif
/* Only this far in one go: call again. */
#ifndef ERESTART
#define ERESTART 85
#endif

#endif
