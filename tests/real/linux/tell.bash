# SPDX-License-Identifier: BSD-2-Clause
#
# tell: reads what Linux guests and their host say and writes what a person wants to know
# while it runs. For scripts that source this.
#
#   tell [NAME]    NAME is what lines are of that are no guest's (native)
#
# VERBOSE=true shows every line.

# Not in awk, which may wait for a whole block of lines.
tell()
{
	local line who host=${1:-native}
	local -A cases=()
	if ${VERBOSE:-false}; then cat; return; fi
	while IFS= read -r line; do
		who=$host
		if [[ $line =~ ^(guest\ [0-9]+):\ (.*) ]]; then
			who=${BASH_REMATCH[1]} line=${BASH_REMATCH[2]}
		elif [[ $line =~ ^hypervisor:\ (guest\ [0-9]+):\ (.*) ]]; then
			who=${BASH_REMATCH[1]} line=${BASH_REMATCH[2]}
			[[ $line == count\ * ]] || printf '  %-9s %s\n' "$who" "$line"
			continue
		fi
		case ${line%$'\r'} in
		'om: kvm: '*) printf '  %-9s %s\n' "$who" "${line#om: kvm: }" ;;
		'om: kernel '* | 'om: run '* | 'om: done '* | 'om: end '*)
			cases[$who]=0
			printf '  %-9s %s\n' "$who" "${line#om: }" ;;
		*FAILED* | *'Kernel panic'* | *'no /dev/tee0'*)
			printf '  %-9s %s\n' "$who" "$line" ;;
		'* regression_'*)
			cases[$who]=$((${cases[$who]:-0} + 1))
			((cases[$who] % 20)) || printf '  %-9s %d test cases\n' "$who" "${cases[$who]}" ;;
		esac
	done
}
