#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Holds the documents against the code: check.sh PRINT_STATES_PROGRAM
#
#   - the state diagram in docs/design.md is the table in lib/call_state.h, and what a call
#     has in each state is the other one there
#   - the table of floors in docs/design.md is lib/floors.list
#   - the example in README.md is the one that is compiled
#   - the policy in docs/policy.md is examples/policy.yaml, which is loaded
#   - the cases of xtest that docs/kvm.md calls impossible are those that are left out
#   - Debian's packages have the version of mediator.h, and the library's the soname's
#   - manual pages are in order, and name each option and command that the program's own help does
#   - every relative link leads somewhere
#   - every file that is ours names its licence
set -euo pipefail

print_states=$1
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
failed=0

complain()
{
	printf 'docs: %s\n' "$*"
	failed=1
}

diff <(sed -n '/^stateDiagram-v2/,/^```/s/^ *\([A-Z_]* --> [A-Z_]*: [A-Z]*\)$/\1/p' docs/design.md |
	grep -v '^om_' | sort) <("$print_states" | grep -e '-->' | sort) ||
	complain 'the state diagram in docs/design.md is not the table in lib/call_state.h'

diff <(grep -E '^\| [A-Z_]+ \| [^|]+ \| [^|]+ \|$' docs/design.md) <("$print_states" | grep '^|') ||
	complain 'what a call has in docs/design.md is not om_call_rules in lib/call_state.c'

diff <(sed -n 's/^| \([0-9]*\) | `\(.*\)` | .* | .* |$/\1 \2/p' docs/design.md | sort) \
	<(sed '/^#/d' lib/floors.list | awk '{ sub(/,.*/, "", $2); print $1, $2 }' | sort) ||
	complain 'the table of floors in docs/design.md is not lib/floors.list'

diff <(sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d') \
	<(sed -n '/README: begin/,/README: end/p' examples/embed/embed.c | sed '1d;$d') ||
	complain 'the example in README.md is not that of examples/embed/embed.c'

diff <(sed -n '/^```yaml$/,/^```$/p' docs/policy.md | sed '1d;$d') \
	<(sed 1d examples/policy.yaml) ||
	complain 'the policy in docs/policy.md is not examples/policy.yaml'

diff <(sed -n 's/^| \([0-9][0-9]*\) | \(.*\) |$/\1\t\2/p' docs/kvm.md) \
	<(grep '^[0-9]' tests/real/kvm/not-applicable.list) ||
	complain 'the table of cases in docs/kvm.md is not tests/real/kvm/not-applicable.list'

version=$(sed -n 's/^#define OM_VERSION_[A-Z]* //p' include/optee_mediator/mediator.h | paste -sd.)
soversion=${version%.*}
[[ $version == 0.* ]] || soversion=${version%%.*}
[[ $(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog) == "$version" ]] ||
	complain "debian/changelog is not of version $version"
grep -qx "Package: liboptee-mediator$soversion" debian/control ||
	complain "debian/control has no liboptee-mediator$soversion, which the soname asks for"

# The options that a line of the program's help begins with, and om-trace's commands.
explained()
{
	sed -nE 's/^[[:space:]"]*  (-[-a-z]+) .*/\1/p; s/^[[:space:]"]*  (om-trace )?([a-z]+) .*  .*/\2/p' "$1"
}
while read -r page program; do
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning "$page" || complain "$page: mandoc finds fault with it"
	fi
	words=$(explained "$program")
	[[ -n $words ]] || complain "$program: no help that $page could be held against"
	for word in $words; do
		grep -qE "^\\.(It|Cm) (Fl |Cm )?${word#-}( |\$)" "$page" ||
			complain "$page does not say what $word is"
	done
done <<-PAGES
	tools/om-trace/om-trace.1 tools/om-trace/main.c
	tools/ta-alias.1 tools/ta-alias
	tools/optee-mediatord/optee-mediatord.8 tools/optee-mediatord/mediatord.c
	tools/optee-mediatord/optee-mediatorctl.1 tools/optee-mediatord/ctl.c
PAGES

while IFS=: read -r file link; do
	[[ -e $(dirname "$file")/$link ]] || complain "$file links to $link, which is not there"
done < <(grep -oE '\]\([^)#:]+\)' README.md CONTRIBUTING.md SECURITY.md docs/*.md examples/*/*.md /dev/null |
	sed -E 's/\]\(([^)]*)\)/\1/')

while read -r file; do
	complain "$file does not name its licence"
done < <(find . \( -path './build*' -o -path ./.git \) -prune -o -type f \( -name '*.[chS]' \
	-o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt -o -path './scripts/*' \
	-o -path './.ci/*' \) -exec awk 'BEGIN {
		for (i = 1; i < ARGC; i++) {
			named = 0
			for (n = 0; n < 3 && (getline line < ARGV[i]) > 0; n++)
				named += line ~ /SPDX-License-Identifier: BSD-2-Clause/
			close(ARGV[i])
			if (!named) print ARGV[i]
		}
	}' {} +)

exit $failed
