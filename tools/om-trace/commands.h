/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of om-trace. Each returns the exit status: 0, 1 for a finding, 2 for an error. */
#ifndef OM_TRACE_COMMANDS_H
#define OM_TRACE_COMMANDS_H

#include <stdio.h>

#include "reader.h"

int command_replay(const struct recording *r, FILE *out);
/* all: every record, not only the conversation. */
int command_text(const struct recording *r, bool all, FILE *out);
/* The least that differs in the same way, or, if not NULL, moves that counter. */
int command_shrink(const struct recording *r, const char *counter, FILE *out);
/* Zeros in place of values; all: of all bytes of memory. */
int command_mask(const struct recording *r, bool all, FILE *out);
/* One file for a browser. */
int command_html(const struct recording *r, FILE *out);
/* Trace events in JSON, for ui.perfetto.dev and chrome://tracing. */
int command_perfetto(const struct recording *r, FILE *out);
/* Where two runs differ first. */
int command_diff(const struct recording *a, const struct recording *b, FILE *out);
/* Packets for Wireshark, and its dissector for them. */
int command_pcapng(const struct recording *r, FILE *out);
int command_dissector(FILE *out);
/* The last recording of a log that has it as lines of text: 1, it has not all of them. */
int command_extract(const char *log, FILE *out);
/* A sequence diagram. */
int command_mermaid(const struct recording *r, FILE *out);

#endif
