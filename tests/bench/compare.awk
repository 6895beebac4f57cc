# SPDX-License-Identifier: BSD-2-Clause
#
# Compares the costs of two runs: awk -f compare.awk EARLIER NOW. Each file has lines
#	cost operation library with-host
# Says which operations differ by more than `tolerance` percent (2, unless set by -v), and
# exits with 1 if any does, or if one of them is missing.

function percent_of(now, then)
{
	return then ? (now / then - 1) * 100 : 100
}

function beyond(percent)
{
	return percent > tolerance || percent < -tolerance
}

BEGIN { if (tolerance == "") tolerance = 2 }

FNR == 1 { file++ }

$1 == "cost" && file == 1 {
	library[$2] = $3
	host[$2] = $4
	names[count++] = $2
}

$1 == "cost" && file == 2 {
	seen[$2] = 1
	if (!($2 in library)) {
		print "not in the earlier table: " $2
		differs = 1
		next
	}
	p = percent_of($3, library[$2])
	q = percent_of($4, host[$2])
	if (!beyond(p) && !beyond(q))
		next
	word = "shrank"
	if (p > tolerance || q > tolerance)
		word = "GREW"
	printf "%-6s %-16s library %7d -> %7d %+6.1f %%   with host %7d -> %7d %+6.1f %%\n",
		word, $2, library[$2], $3, p, host[$2], $4, q
	differs = 1
}

END {
	for (i = 0; i < count; i++)
		if (!(names[i] in seen)) {
			print "not measured now: " names[i]
			differs = 1
		}
	if (!differs)
		print "No operation costs more or less than before by " tolerance " %."
	exit differs
}
