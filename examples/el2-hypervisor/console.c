/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The serial port. What guests write comes out in whole lines, with the guest's
 * name in front, so that two can write at once.
 */
#include <stdarg.h>

#include "hyp.h"

static uint32_t console_lock;

static void put(char c)
{
	while (mmio_read(UART + 0x18) & 0x20)	/* transmit FIFO full */
		;
	mmio_write(UART, (uint8_t)c);
}

static void put_text(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_number(uint64_t n, unsigned int base)
{
	char digits[24];
	unsigned int i = 0;

	do
		digits[i++] = "0123456789abcdef"[n % base];
	while (n /= base);
	while (i)
		put(digits[--i]);
}

/* %s %u %x %lu %lx, nothing else. */
void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	lock(&console_lock);
	for (; *fmt; fmt++) {
		bool wide = false;

		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		if (*++fmt == 'l') {
			wide = true;
			fmt++;
		}
		if (*fmt == 's')
			put_text(va_arg(ap, const char *));
		else
			put_number(wide ? va_arg(ap, uint64_t) : va_arg(ap, uint32_t),
				   *fmt == 'x' ? 16 : 10);
	}
	unlock(&console_lock);
	va_end(ap);
}

void guest_putc(struct guest *g, char c)
{
	lock(&g->line_lock);
	if (c != '\n' && g->line_len < sizeof(g->line) - 1) {
		/* A guest must not be able to steer the terminal. */
		g->line[g->line_len++] = c >= ' ' && c <= '~' ? c : '?';
	} else {
		g->line[g->line_len] = '\0';
		g->line_len = 0;
		say("guest %u: %s\n", g->id, g->line);
	}
	unlock(&g->line_lock);
}
