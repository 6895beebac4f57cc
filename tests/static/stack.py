#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The deepest stack below each public function, and that nothing recurses.

  stack.py LIMIT HEADER-DIRECTORY CI-FILE...

The .ci files are what gcc writes with -fcallgraph-info=su: each function's frame and
whom it calls. Adds the frames up along every path from the functions that the public
headers declare OM_API. Operations of the host are calls out of the library and count
as nothing: their stack is the backend's. What the recorder wraps has RECORDING bytes more,
for the frame around it. Prints a table; fails on a path over LIMIT
bytes, a cycle of calls, or a frame whose size is not fixed.
"""
import pathlib
import re
import sys

RECORDING = 64
NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
FRAME = re.compile(r'\\n(\d+) bytes \(([^)]*)\)')
API = re.compile(r'^OM_API[^;]*?\b(om_\w+)\s*\(', re.MULTILINE)


def load(files):
    """Frames by function, and the set of whom each calls."""
    frames, calls, unbounded = {}, {}, []
    for file in files:
        for line in pathlib.Path(file).read_text().splitlines():
            if node := NODE.match(line):
                if frame := FRAME.search(node[2]):
                    frames[node[1]] = int(frame[1])
                    if 'static' not in frame[2] and 'bounded' not in frame[2]:
                        unbounded.append(node[1])
            elif edge := EDGE.match(line):
                calls.setdefault(edge[1], set()).add(edge[2])
    return frames, calls, unbounded


class Walk:
    def __init__(self, frames, calls):
        self.frames, self.calls = frames, calls
        self.known, self.cycles = {}, []

    def deepest(self, name, above=()):
        """Bytes and path of the deepest chain of calls that begins here."""
        if name in above:
            self.cycles.append(' > '.join(above[above.index(name):] + (name,)))
            return 0, ()
        if name not in self.known:
            below = [self.deepest(callee, above + (name,))
                     for callee in self.calls.get(name, ()) if callee in self.frames]
            size, path = max(below, default=(0, ()))
            self.known[name] = (self.frames.get(name, 0) + size, (name,) + path)
        return self.known[name]


def main():
    limit, headers, files = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    api = {name for header in headers.glob('*.h') for name in API.findall(header.read_text())}
    frames, calls, unbounded = load(files)
    walk = Walk(frames, calls)
    failures = [f'{name}: its frame has no fixed size' for name in unbounded]
    entries = sorted(api & frames.keys())
    for name in entries:
        size, path = walk.deepest(name)
        print(f'{size:6} {" > ".join(part.rpartition(":")[2] for part in path)}')
        most = limit + (RECORDING if name.startswith('om_record_guest_') else 0)
        if size > most:
            failures.append(f'{name} needs {size} bytes of stack, at most {most}')
    for name in list(frames):
        walk.deepest(name)
    failures += [f'recursion: {cycle}' for cycle in walk.cycles]
    if not entries:
        failures.append('no public function found: wrong headers?')
    for failure in failures:
        print('FAIL:', failure, file=sys.stderr)
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
