#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Holds docs/glossary.md, docs/changing.md and docs/design.md against the tree:

  - a name in code type is a file, or an identifier of the sources: `name`, `struct.field`
  - the functions that answer "Where is ...?" in docs/design.md are in the files beside them
  - no identifier and no comment of FOLDERS uses a word of "Words that are not used"
  - no term and no verb has two lines
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Where the words of the last table must not occur.
FOLDERS = ['include', 'lib', 'backends']
SOURCES = ['include', 'lib', 'backends', 'tests']

failed = False


def complain(text):
    global failed
    print(f'glossary: {text}')
    failed = True


def files(folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob('*')):
            if path.suffix in ('.c', '.h'):
                yield path


def rows(text):
    """The cells of each table row, and the heading it stands under."""
    heading = ''
    for line in text.splitlines():
        if line.startswith('## '):
            heading = line[3:]
        if line.startswith('| ') and not line.startswith('|---'):
            yield heading, [cell.strip() for cell in line.strip('|').split('|')]


def check_names(document, text):
    known = set()
    for path in files(SOURCES):
        known.update(re.findall(r'\w+', path.read_text()))
    known.update(re.findall(r'NAME (\w+)', (ROOT / 'tests/CMakeLists.txt').read_text()))
    patches = [path.name for path in (ROOT / 'tests').rglob('*.patch')]
    names = patches + [path.name for path in files(SOURCES)]
    text = re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)
    for name in re.findall(r'`([^`]+)`', text):
        if re.search(r'[ <]|^/dev/|^-', name) or (ROOT / name).exists() or name in names:
            continue
        name = name.removesuffix('()')
        if '*' in name and any(re.fullmatch(name.replace('*', '.*'), other)
                               for other in patches + sorted(known)):
            continue
        for part in name.split('.'):
            if '/' in name or part not in known:
                complain(f'{document}: {name} is neither a file nor in the sources: '
                         'was it renamed?')
                break


def check_answers(text):
    answers = 0
    for heading, cells in rows(text):
        if heading != 'Where is ...?' or cells[0] == 'question':
            continue
        answers += 1
        named = re.findall(r'`([^`]+)`', cells[1])
        words = set()
        for path in files(['lib']):
            if path.name in named:
                words.update(re.findall(r'\w+', path.read_text()))
        for function in re.findall(r'`([^`]+)`', cells[2]):
            if function not in words:
                complain(f'docs/design.md: {function} is in none of {", ".join(named)}')
    if answers != 7:
        complain('docs/design.md: seven questions are answered under "Where is ...?"')


def check_words(banned):
    """A word of an identifier counts as a word; what is quoted from others does not occur."""
    pattern = re.compile(r'(?<![A-Za-z])(' + '|'.join(banned) + r')(?![A-Za-z])', re.I)
    for path in files(FOLDERS):
        for n, line in enumerate(path.read_text().splitlines(), 1):
            for word in pattern.findall(line):
                complain(f'{path.relative_to(ROOT)}:{n}: "{word}": use the word that '
                         'docs/glossary.md has for it')


def main():
    text = (ROOT / 'docs/glossary.md').read_text()
    banned, seen = [], set()
    for heading, cells in rows(text):
        if cells[0] in ('term', 'verb', 'not'):
            continue
        if heading == 'Words that are not used':
            banned += cells[0].split(', ')
            continue
        for term in cells[0].split(', '):
            if (heading == 'Verbs', term) in seen:
                complain(f'{term} has two lines')
            seen.add((heading == 'Verbs', term))
    if len(banned) < 5 or len(seen) < 100:
        complain('a table of docs/glossary.md cannot be read')
    check_names('docs/glossary.md', text)
    for document in ('docs/changing.md', 'docs/design.md'):
        check_names(document, (ROOT / document).read_text())
    check_answers((ROOT / 'docs/design.md').read_text())
    check_words(banned)
    return failed


sys.exit(main())
