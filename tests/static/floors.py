#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Holds lib/ against lib/floors.list: a room, which is a .c file with its header, may use
what is on a lower floor, and nothing on its own floor or above.

  floors.py OBJECTS [--arrows]    the folder with lib/'s object files; every arrow, in words
  floors.py --controls            that an arrow upward and a circle would be seen

A room uses another one when it includes its header, or names what that one alone defines:
a function, of its .c file (by nm, so that no declaration of one's own hides it) or inline in
its header, a struct or an enum with its constants, a typedef, a macro. Comments do not
count. Nor does the name of a struct that a header only declares, to keep pointers to it:
who includes nothing from above cannot look behind them.
"""
import collections
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LIB = HERE.parent.parent / 'lib'
WORD = re.compile(r'\b[A-Za-z_]\w*\b')
DEFINED = [re.compile(pattern, re.M) for pattern in (
    r'^#define[ \t]+(\w+)',
    r'^(?:struct|enum)[ \t]+(\w+)[ \t]*\{',
    r'^\}[ \t]*(\w+);',
    r'^static (?:inline )?[^=;{}()]*?\b(\w+)\(',
)]
OPAQUE = re.compile(r'^struct (\w+);', re.M)
CONSTANTS = re.compile(r'^enum[^{;]*\{(.*?)\}', re.M | re.S)


def without_comments(text):
    return re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)


def floors_of(text):
    """The floor of each room; the room of each file."""
    rows = [line.split(None, 2) for line in text.splitlines() if line and line[0] != '#']
    rows = [(int(floor), files.split(',')) for floor, files, _ in rows]
    return ({files[0]: floor for floor, files in rows},
            {file: files[0] for _, files in rows for file in files})


def defined_in_header(text):
    names = {name for pattern in DEFINED for name in pattern.findall(text)}
    for body in CONSTANTS.findall(text):
        names.update(re.findall(r'(?:^|,)\s*([A-Z]\w*)', body))
    return names


def defined_in_object(path):
    out = subprocess.run(['nm', '--defined-only', '--extern-only', '--format=posix', path],
                         check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines()}


class House:
    def __init__(self, code, exported, room_of=None):
        """code: the text of each file; exported: the symbols of each, and its room."""
        self.room_of = room_of or {}
        self.code = {file: without_comments(text) for file, text in code.items()}
        owners = collections.defaultdict(set)
        for room, names in exported.items():
            for name in names:
                owners[name].add(room)
        for file, text in self.code.items():
            if file.endswith('.h'):
                for name in defined_in_header(text):
                    owners[name].add(file[:-2])
        self.owner = {name: min(rooms) for name, rooms in owners.items() if len(rooms) == 1}

    def arrows(self):
        """(from, to) -> what the one takes from the other."""
        arrows = collections.defaultdict(set)
        for file, text in self.code.items():
            room = file[:-2]
            opaque = set(OPAQUE.findall(text)) if file.endswith('.h') else set()
            for header in re.findall(r'^#include "(\w+)\.h"', text, re.M):
                arrows[room, header].add(f'#include "{header}.h"')
            names = WORD.findall(re.sub(r'^#include.*|"[^"\n]*"', ' ', text, flags=re.M))
            for name in set(names) - opaque:
                arrows[room, self.owner.get(name, room)].add(name)
        merged = collections.defaultdict(set)
        for (source, to), used in arrows.items():
            ends = self.room_of.get(source, source), self.room_of.get(to, to)
            if ends[0] != ends[1]:
                merged[ends] |= used
        return merged


def judge(floors, arrows):
    """Sentences, one for each thing that is wrong."""
    wrong = [f'{room} has no floor in lib/floors.list'
             for room in sorted({room for arrow in arrows for room in arrow} - floors.keys())]
    if wrong:
        return wrong
    return [f'{source} (floor {floors[source]}) uses of {to} (floor {floors[to]}): '
            + ', '.join(sorted(used))
            for (source, to), used in sorted(arrows.items()) if floors[source] <= floors[to]]


def controls():
    """Each kind of use has to be seen where it goes the wrong way, and no other."""
    floors = {'low': 1, 'high': 2}
    high = ('struct om_high {\n\tint a;\n};\nenum om_way {\n\tOM_UP,\n};\n#define OM_HIGH 1\n'
            'static inline int om_high_inline(void)\n{\n\treturn 0;\n}\n')
    uses = {
        'an include': '#include "high.h"\n',
        'a call': 'void f(void)\n{\n\tom_high_call();\n}\n',
        'an inline function': 'int f(void)\n{\n\treturn om_high_inline();\n}\n',
        'a struct': 'void f(struct om_high *high);\n',
        'a constant': 'int n = OM_UP;\n',
        'a macro': 'int n = OM_HIGH;\n',
    }
    for what, text in uses.items():
        house = House({'low.c': text, 'high.h': high}, {'high': {'om_high_call'}, 'low': {'f'}})
        if not judge(floors, house.arrows()):
            sys.exit(f'floors.py: {what} that goes up is not seen')
    house = House({'low.c': '/* om_high_call() */\nint n;\n', 'high.h': high,
                   'high.c': 'int m = n;\n', 'low.h': 'struct om_high;\nstruct om_high *above;\n'}, {'high': {'om_high_call'}, 'low': {'n'}})
    if judge(floors, house.arrows()):
        sys.exit('floors.py: what goes down is complained of')
    if not judge({'low': 1, 'high': 1}, house.arrows()):
        sys.exit('floors.py: an arrow on one floor, of which circles are made, is not seen')
    print(f'{len(uses)} ways up are seen, and a circle')


def main():
    if '--controls' in sys.argv[1:]:
        return controls()
    objects = pathlib.Path(sys.argv[1])
    floors, room_of = floors_of((LIB / 'floors.list').read_text())
    # Libraries of their own, on top of this one.
    files = [path for path in sorted(LIB.glob('*.[ch]')) if path.stem not in ('fdt', 'policy')]
    house = House({path.name: path.read_text() for path in files},
                  {path.stem: defined_in_object(objects / f'{path.stem}.o')
                   for path in files if path.suffix == '.c'}, room_of)
    arrows = house.arrows()
    if '--arrows' in sys.argv[2:]:
        for (source, to), used in sorted(arrows.items()):
            way = 'up' if floors.get(source, 0) <= floors.get(to, 0) else 'down'
            print(f'{way:4} {source} -> {to}: {", ".join(sorted(used))}')
    names = {path.stem for path in files}
    wrong = judge(floors, arrows)
    wrong += [f'{room} has a floor and no file' for room in sorted(room_of.keys() - names)]
    wrong += [f'{room} has no floor' for room in sorted(names - room_of.keys())]
    for sentence in wrong:
        print(f'FAIL: {sentence}')
    if wrong:
        sys.exit(1)
    print(f'{len(names)} files on {max(floors.values())} floors, {len(arrows)} arrows, '
          'none upward')


main()
