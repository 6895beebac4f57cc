#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# om-trace at the shell: every command on a recording of the tests, and every mistake that
# somebody makes with one.
#
#   commands.sh OM_TRACE TEST_PROGRAM RPC_PROGRAM     both are linked with shim.c
set -euo pipefail

readonly om_trace=$1 program=$2 rpc_program=$3
scratch=$(mktemp -d)
readonly scratch
trap 'rm -rf "$scratch"' EXIT
failures=0

fail()
{
	printf 'FAIL: %s\n' "$*" >&2
	failures=$((failures + 1))
}

# status WHAT EXPECTED COMMAND...: and what it says is one line, if it says that it failed
status()
{
	local what=$1 expected=$2 got=0
	shift 2
	"$@" >"$scratch/out" 2>"$scratch/err" || got=$?
	((got == expected)) || fail "$what: exit status $got, expected $expected"
	((expected != 2 || $(wc -l <"$scratch/err") == 1)) || fail "$what: not one line"
}

# says FILE TEXT...: in that order it has all of these
says()
{
	local file=$1 text
	shift
	for text; do
		grep -q -F -e "$text" "$file" || fail "no \"$text\" in $(basename "$file")"
	done
}

mkdir "$scratch/other"
OM_TEST_RECORD=$scratch "$program" s20_i10 >/dev/null 2>&1 || fail 'no recording'
set -- "$scratch"/*.omrec
readonly recording=$1

status replay 0 "$om_trace" replay "$recording"
says "$scratch/out" 'are the same with'
status several 0 "$om_trace" replay "$recording" "$recording"
(($(wc -l <"$scratch/out") == 2)) || fail 'two files are not two lines'
status input 0 "$om_trace" replay - <"$recording"
status text 0 "$om_trace" text "$recording"
says "$scratch/out" 'om_mediator_init: success' OPEN_SESSION 'OP-TEE ->' 'om_guest_destroy'
lines=$(wc -l <"$scratch/out")
status all 0 "$om_trace" text --all "$recording"
says "$scratch/out" 'pins 1 page 0x' 'takes a shadow page' 'writes'
(($(wc -l <"$scratch/out") > lines)) || fail '--all is not more'
status mermaid 0 "$om_trace" mermaid "$recording"
says "$scratch/out" sequenceDiagram 'Guest->>Mediator: CALL_WITH' 'OPTEE-->>Mediator: OK'
status perfetto 0 "$om_trace" perfetto "$recording"
python3 - "$scratch/out" <<-'END' || fail 'not the JSON of trace events'
	import json, sys
	events = json.load(open(sys.argv[1]))['traceEvents']
	runs = [e for e in events if e['ph'] == 'X']
	assert any(e['name'].startswith('OPEN_SESSION') for e in runs)
	assert all(e['dur'] >= 0 for e in runs)
	assert {e['tid'] for e in runs} <= {e['tid'] for e in events if e['ph'] == 'M'}
END
status pcapng 0 "$om_trace" pcapng "$recording"
[[ $(head -c 4 "$scratch/out" | od -A n -t x1) == ' 0a 0d 0d 0a' ]] || fail 'not pcapng'
status dissector 0 "$om_trace" dissector
says "$scratch/out" '[0x32000004] = "CALL_WITH_ARG"' 'Proto("optee"'
status 'dissector of a file' 2 "$om_trace" dissector "$recording"
status diff 0 "$om_trace" diff "$recording" "$recording"
says "$scratch/out" 'the same, in '
OM_TEST_RECORD=$scratch/other "$program" s20_i8_unknown >/dev/null 2>&1 || fail 'no other recording'
others=("$scratch"/other/*.omrec)
status 'diff of two' 1 "$om_trace" diff "$recording" "${others[0]}"
says "$scratch/out" 'steps that are the same'
status 'diff of one' 2 "$om_trace" diff "$recording"
status 'diff with nothing' 2 "$om_trace" diff "$recording" "$scratch/nowhere"
status mask 0 "$om_trace" mask "$recording" -o "$scratch/masked"
status 'replay of a masked one' 0 "$om_trace" replay "$scratch/masked"
status 'mask --all' 0 "$om_trace" mask --all "$recording" -o "$scratch/all"
status 'replay of one that is all masked' 2 "$om_trace" replay "$scratch/all"
says "$scratch/err" 'cannot be replayed: its messages are masked'
status 'mask of one that is masked' 2 "$om_trace" mask "$scratch/all"
for command in text html perfetto pcapng; do
	status "$command of one that is masked" 0 "$om_trace" "$command" "$scratch/all"
done
status shrink 0 "$om_trace" shrink --keep interrupted "$recording" -o "$scratch/small"
says "$scratch/err" 'SMCs are left, after'
status 'replay of a part' 0 "$om_trace" replay "$scratch/small"
(($(stat -c %s "$scratch/small") < $(stat -c %s "$recording"))) || fail 'not smaller'
status 'shrink of what is right' 2 "$om_trace" shrink "$recording"
says "$scratch/err" 'replays without a difference'
status 'shrink by no counter' 2 "$om_trace" shrink --keep everything "$recording"
status html 0 "$om_trace" html -o "$scratch/page.html" "$recording"
says "$scratch/page.html" '<!doctype html>' 'OPEN_SESSION' '</html>'
! grep -E 'src=|https?://[^w]' "$scratch/page.html" || fail 'the page needs something else'
if command -v chromium >/dev/null; then
	timeout 120 chromium --headless=new --no-sandbox --disable-gpu --dump-dom \
		"file://$scratch/page.html" >"$scratch/dom.html" 2>/dev/null || fail chromium
	# Only its script makes these.
	says "$scratch/dom.html" 'class="bar r3 k0"' 'pinned pages' 'calls: ' 'Longest calls' \
		'class="strip"' 'class="wait"'
fi
if command -v zstd >/dev/null; then
	zstd -q "$recording" -o "$scratch/small.zst"
	status zstd 0 "$om_trace" replay "$scratch/small.zst"
	head -c 100 "$scratch/small.zst" >"$scratch/cut.zst"
	status 'zstd, cut' 2 "$om_trace" replay "$scratch/cut.zst"
	# A frame without its last block, and what there is ends with a record.
	python3 - "$scratch/small" "$scratch/cut.zst" <<-'END'
		import sys
		data = open(sys.argv[1], 'rb').read()
		assert len(data) < 1 << 17
		open(sys.argv[2], 'wb').write(b'\x28\xb5\x2f\xfd\0\x58' +
		                              (len(data) << 3).to_bytes(3, 'little') + data)
	END
	status 'zstd, cut behind a record' 1 "$om_trace" replay "$scratch/cut.zst"
	says "$scratch/err" 'is compressed by zstd, and cut'
	{ head -c 60 "$scratch/small.zst"; printf '\xff\xff\xff'; tail -c +64 "$scratch/small.zst"; } \
		>"$scratch/damaged.zst"
	status 'zstd, damaged' 2 "$om_trace" replay "$scratch/damaged.zst"
	says "$scratch/err" 'is compressed by zstd, and damaged'
	head -c 3000000 /dev/zero | zstd -q -o "$scratch/large.zst"
	status 'zstd, large and foreign' 2 "$om_trace" replay "$scratch/large.zst"
	says "$scratch/err" 'is no recording'
fi

size=$(stat -c %s "$recording")
head -c $((size - 3)) "$recording" >"$scratch/cut"
status cut 1 "$om_trace" replay "$scratch/cut"
says "$scratch/err" "is cut at byte $((size - 3)), in record "
{ head -c 2000 "$recording"; printf '\xff'; tail -c +2002 "$recording"; } >"$scratch/altered"
status altered 2 "$om_trace" text "$scratch/altered"
says "$scratch/err" 'is altered: '
status foreign 2 "$om_trace" html "$0"
says "$scratch/err" 'is no recording'
status missing 2 "$om_trace" replay "$scratch/nowhere"
says "$scratch/err" 'No such file or directory'
: >"$scratch/empty"
status empty 2 "$om_trace" replay "$scratch/empty"
status folder 2 "$om_trace" replay "$scratch"
says "$scratch/err" 'Is a directory'

# A recording as lines of text, made as record.h says how they are, in a console's log.
lines()
{
	local size
	size=$(stat -c %s "$1")
	printf 'omrec begin %08x\n' "$size"
	base64 -w 128 "$1" | awk '{ printf "omrec %08x %s\n", 96 * (NR - 1), $0 }'
	printf 'omrec end %08x\n' "$size"
}
{
	printf 'omrec is not a line of one\r\n'
	lines "$scratch/small" | sed -n 1,5p
	lines "$recording" | sed 's/^/(XEN) [1.5] /; s/$/\r/; 7s/^/guest: no newline /; 9s/^/a line between\n/'
	printf '(XEN) all is well\r\n'
} >"$scratch/console.log"
status extract 0 "$om_trace" extract "$scratch/console.log" -o "$scratch/extracted"
cmp "$recording" "$scratch/extracted" || fail 'another recording than that in the log'
status 'extract of the input' 0 "$om_trace" extract - <"$scratch/console.log"
grep -v 'omrec 00000180' "$scratch/console.log" >"$scratch/lossy.log"
status 'extract with a line lost' 1 "$om_trace" extract "$scratch/lossy.log" -o "$scratch/extracted"
says "$scratch/err" 'lossy.log:' 'lines of the recording are missing here; the 384 bytes before it'
cmp -n 384 "$recording" "$scratch/extracted" || fail 'what is before a lost line is not good'
(($(stat -c %s "$scratch/extracted") == 384)) || fail 'something from behind a lost line'
sed '/omrec 00000180/s/\(.*\)....../\1\r/' "$scratch/console.log" >"$scratch/damaged.log"
status 'extract with a line cut' 1 "$om_trace" extract "$scratch/damaged.log"
says "$scratch/err" 'this line of the recording is damaged'
sed '/omrec 00000180/s/.\r$/=======\r/' "$scratch/console.log" >"$scratch/damaged.log"
status 'extract with another line' 1 "$om_trace" extract "$scratch/damaged.log"
grep -v 'omrec end' "$scratch/console.log" >"$scratch/short.log"
status 'extract without the end' 1 "$om_trace" extract "$scratch/short.log" -o "$scratch/extracted"
says "$scratch/err" 'the log ends within the recording'
cmp "$recording" "$scratch/extracted" || fail 'not all that the log has'
lines "$recording" | sed 's/^omrec end .*/omrec end 00000001/' >"$scratch/other.log"
status 'extract with another end' 1 "$om_trace" extract "$scratch/other.log"
status 'extract of no log' 2 "$om_trace" extract "$recording"
says "$scratch/err" 'has no recording: no line with "omrec begin"'
status 'extract of nothing' 2 "$om_trace" extract "$scratch/nowhere"
status 'extract of two' 2 "$om_trace" extract "$scratch/console.log" "$scratch/console.log"

# Those with RPCs, in pages and behind the message: masked and replayed, drawn.
mkdir "$scratch/rpc"
OM_TEST_RECORD=$scratch/rpc "$rpc_program" >/dev/null 2>&1 || fail 'no recordings with RPCs'
while read -r file; do
	"$om_trace" mask "$file" | "$om_trace" replay - >"$scratch/out" 2>&1 ||
		fail "${file##*/}, masked: $(cat "$scratch/out")"
	"$om_trace" html "$file" -o "$scratch/page.html" || fail "${file##*/}: html"
	says "$scratch/page.html" '</html>'
done < <(find "$scratch/rpc" -type f -size +20k | head -12)

status help 0 "$om_trace" --help
says "$scratch/out" 'om-trace replay FILE' 'Exit status'
status 'no command' 2 "$om_trace"
status 'unknown command' 2 "$om_trace" draw "$recording"
says "$scratch/err" 'no such command: draw'
status 'no file' 2 "$om_trace" replay
status 'two files' 2 "$om_trace" text "$recording" "$recording"
status 'unknown option' 2 "$om_trace" text --everything "$recording"
status 'no such folder' 2 "$om_trace" text -o "$scratch/no/where" "$recording"
if [[ -w /dev/full ]]; then
	status 'disk full' 2 "$om_trace" text -o /dev/full "$recording"
fi

((failures == 0))
