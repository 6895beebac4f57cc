/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The serial port. The output of guests is printed in whole lines that begin with the
 * guest's name, so that two can write at once. Guests write by hypercall, or to an SBSA
 * generic UART, which is a PL011 without configuration.
 */
#include <stdarg.h>

#include "hyp.h"

#define UART_DR		0x00
#define UART_FR		0x18
#define FR_TX_FULL	0x20
#define FR_IDLE		0x90	/* nothing to read, everything written */

static uint32_t console_lock;

static void put(char c)
{
	while (mmio_read(UART + UART_FR) & FR_TX_FULL)
		;
	mmio_write(UART + UART_DR, (uint8_t)c);
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

/* Prints; supports %s %u %x %lu %lx and nothing else. */
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

static bool contains(const char *line, const char *word)
{
	size_t i;

	for (; *line; line++) {
		for (i = 0; word[i] && word[i] != ' ' && line[i] == word[i]; i++)
			;
		if (!word[i] || word[i] == ' ')
			return true;
	}
	return false;
}

static void end_line(struct guest *g)
{
	g->line[g->line_len] = '\0';
	g->line_len = 0;
	say("guest %u: %s\n", g->id, g->line);
	if (g->kill_text && contains(g->line, g->kill_text))
		g->kill_text = NULL;
}

/* Prints the unfinished line of a guest that has ended. */
void guest_flush(struct guest *g)
{
	lock(&g->line_lock);
	if (g->line_len)
		end_line(g);
	unlock(&g->line_lock);
}

void guest_putc(struct guest *g, char c)
{
	lock(&g->line_lock);
	if (c == '\n' || g->line_len == sizeof(g->line) - 1)
		end_line(g);
	/* A guest must not be able to control the terminal. */
	if (c == '\t')
		c = ' ';
	if (c != '\n' && c != '\r')
		g->line[g->line_len++] = c >= ' ' && c <= '~' ? c : '?';
	unlock(&g->line_lock);
}

uint64_t guest_uart(struct guest *g, uint64_t at, bool write, uint64_t value)
{
	if (write && at == UART_DR)
		guest_putc(g, (char)value);
	return at == UART_FR ? FR_IDLE : 0;
}
