# SPDX-License-Identifier: BSD-2-Clause
#
# Tells the instructions of callgrind dumps apart: awk -f attribute.awk callgrind.out.1 ...
#
# For each dump, labelled "operation times pages" by bench.c, prints
#	instructions operation times pages inside all conduit pin unpin
#	cost operation library with-host
#	self operation function instructions-per-operation
#	file operation file instructions-per-operation
#
# file		where the source of the library's own instructions is, inlined or not; libc's
#		are in none
# inside	self cost of the library's functions, and of memcpy and the like
#		that they call
# all		what was collected: everything inside om_guest_call()
# conduit, pin, unpin
#		these host operations with all they call
# library, with-host
#		inside, and all but the conduit, of one operation
#
# Wants the dumps with --compress-strings=no --compress-pos=no. The format is
# described in valgrind's manual, "Callgrind Format Specification".

function begin_dump()
{
	operation = ""
	calls = 0
	total = 0
	summary = 0
	delete self
	delete class
	delete edge
	delete written
}

# By the end of the path, because a compiler cache may have built another tree's copy.
function class_of(file)
{
	if (file ~ /\/lib\/[a-z_]+\.[ch]$/)
		return "lib"
	return file ~ /\/tests\/bench\/bench_(host|recorder)\.c$/ ? "host" : "other"
}

function base(file)
{
	sub(/.*\//, "", file)
	return file
}

# A function of the library is called by name; elsewhere only libc is left.
function end_dump(	f, e, pair, inside, to)
{
	if (operation == "")
		return
	for (f in self)
		if (class[f] == "lib") {
			inside += self[f]
			split(f, pair, SUBSEP)
			printf "self %s %s %.1f\n", operation, pair[2], self[f] / times
		}
	for (f in written)
		printf "file %s %s %.1f\n", operation, f, written[f] / times
	for (e in edge) {
		if (e ~ /^bench_/)
			to[e] = edge[e]
		else if (("other", e) in class)
			inside += edge[e]
	}
	if (total != summary || inside == 0) {
		printf "attribute.awk: %s: %d instructions of %d\n", operation, total,
			summary > "/dev/stderr"
		failed = 1
		exit 1
	}
	print "instructions", operation, times, pages, inside, total, to["bench_smc"] + 0,
		to["bench_host_pin"] + 0, to["bench_host_unpin"] + 0
	printf "cost %s %.0f %.0f\n", operation, inside / times, (total - to["bench_smc"]) / times
}

FNR == 1 { end_dump(); begin_dump() }

/^desc: Trigger: Client Request: / { operation = $5; times = $6; pages = $7; next }
/^summary: / { summary = $2; next }
/^fl=/ { source = file = substr($0, 4); next }
/^f[ie]=/ { source = substr($0, 4); next }
/^fn=/ {
	current = class_of(file) SUBSEP substr($0, 4)
	class[current] = class_of(file)
	next
}
/^cfn=/ { callee = substr($0, 5); next }
/^calls=/ { calls = 1; next }
/^[0-9*+-]/ {
	if (!calls) {
		self[current] += $2
		if (class[current] == "lib")
			written[base(source)] += $2
		total += $2
	} else if (class[current] == "lib") {
		edge[callee] += $2
	}
	calls = 0
}

END {
	if (!failed)
		end_dump()
	exit failed
}
