#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Finds places in lib/ where a guest could choose what a mispredicting CPU reads (Spectre v1):

    indices.py [--root DIRECTORY] [SOURCE...]   the sources of lib/ when none is named
    indices.py --controls [--root DIRECTORY]    each om_index() is left out once: it must be seen

Looked at is every array index, everything that is added to a pointer or to an address, and
every length that the host's read() and write() are given. Each has to be

  - constant, or what om_index() or om_least() returned, at once or in a local variable
    that nothing else is written to, or a sum or product of such; or
  - for an index, a local variable that only counts from one of these, in constant steps:
    a loop that goes on too long by mistake sees what is next to its array, and no more; or
  - on the list, indices.list, under the reason why no guest chooses it.

A key of the list is STRUCTURE.FIELD for an index that lies in such a field, else
FUNCTION: EXPRESSION. A key that nothing needs is an error, too. clang tells what is in a
source. Exit status: 0 all is well, 1 findings, 2 clang did not understand a source.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MASKS = {"om_index", "om_least"}
WRAPPERS = {"ImplicitCastExpr", "ParenExpr", "CStyleCastExpr", "ConstantExpr"}
OPERATIONS = {"read", "write"}
# Reads what an operator wrote, before there is a guest.
NO_GUEST = {"policy.c"}
# Functions of lib/ that hand a length on to these.
PASS_ON = {"om_message_read", "om_message_write", "read_arg", "write_arg"}


def syntax_tree(root, source):
    command = ["clang", "-Xclang", "-ast-dump=json", "-fsyntax-only", "-std=c11",
               "-ffreestanding", "-Iinclude", "-Ilib", source]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        sys.exit(2)
    tree = json.loads(done.stdout)
    name_files(tree, [None])
    return tree


def name_files(node, now):
    """A place names its file only where that is not the one of the place before."""
    if isinstance(node, list):
        for part in node:
            name_files(part, now)
    elif isinstance(node, dict):
        if "offset" in node:
            now[0] = node.setdefault("file", now[0])
        for part in node.values():
            name_files(part, now)


def inner(node):
    return [part for part in node.get("inner", []) if part.get("kind")]


def descend(node):
    yield node
    for part in inner(node):
        yield from descend(part)


def bare(node):
    while node["kind"] in WRAPPERS:
        node = inner(node)[0]
    return node


def is_constant(node):
    if node["kind"] == "UnaryExprOrTypeTraitExpr":
        return True
    if node["kind"] == "DeclRefExpr":
        return node["referencedDecl"]["kind"] == "EnumConstantDecl"
    if node["kind"] in ("CallExpr", "MemberExpr", "ArraySubscriptExpr"):
        return False
    return all(is_constant(part) for part in inner(node))


def is_masked(node):
    if node["kind"] != "CallExpr":
        return False
    return bare(inner(node)[0]).get("referencedDecl", {}).get("name") in MASKS


def is_step(node):
    return node["kind"] == "UnaryOperator" and node["opcode"] in ("++", "--")


class Function:
    """What is written to the local variables of a function."""

    def __init__(self, node):
        self.name = node["name"]
        self.writes = {}
        for part in descend(node):
            self.note(part)

    def note(self, node):
        if node["kind"] == "VarDecl":
            self.writes.setdefault(node["id"], set())
            for value in inner(node):
                self.write(node["id"], value)
        elif node["kind"] in ("BinaryOperator", "CompoundAssignOperator"):
            target, value = map(bare, inner(node))
            if node["opcode"] == "=":
                self.write(variable(target), value)
            elif node["kind"] == "CompoundAssignOperator":
                how = "step" if is_constant(value) else "other"
                self.writes.setdefault(variable(target), set()).add(how)
        elif is_step(node):
            self.writes.setdefault(variable(bare(inner(node)[0])), set()).add("step")
        elif node["kind"] == "UnaryOperator" and node["opcode"] == "&":
            self.write(variable(bare(inner(node)[0])), None)

    def write(self, target, value):
        value = value and bare(value)
        if value and is_constant(value):
            how = "constant"
        else:
            how = "mask" if value and is_masked(value) else "other"
        self.writes.setdefault(target, set()).add(how)

    def holds_only(self, node, ways):
        writes = self.writes.get(variable(node))
        return bool(writes) and writes <= ways


def variable(node):
    declared = node.get("referencedDecl", {})
    return declared.get("id") if declared.get("kind") == "VarDecl" else None


def text_of(root, node):
    ends = [node["range"][end] for end in ("begin", "end")]
    begin, end = [place.get("expansionLoc", place) for place in ends]
    source = (root / begin["file"]).read_bytes()
    last = end["offset"] + end["tokLen"]
    if source[last:last + 1] == b"(" and "expansionLoc" in node["range"]["end"]:
        last = closing(source.decode(), last) + 1
    return " ".join(source[begin["offset"]:last].decode().split())


def closing(text, at):
    """Where the bracket that opens here is closed."""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1


def is_pointer(node):
    kind = node["type"]
    return kind.get("desugaredQualType", kind["qualType"]).rstrip(" const").endswith("*")


def is_address(node, opcode):
    """A pointer, or the number in one of the types of addresses, which are all called raw."""
    is_number = node["kind"] == "MemberExpr" and node["name"] == "raw"
    return is_pointer(node) or (is_number and opcode in ("+", "+="))


def looked_at(node):
    """The expression in a node that has to be in bounds, and whether it is an index."""
    kind = node["kind"]
    if kind == "ArraySubscriptExpr":
        return bare(inner(node)[1]), True
    opcode = node.get("opcode")
    if opcode in ("+", "-", "+=", "-=") and len(inner(node)) == 2:
        left, right = map(bare, inner(node))
        if is_address(left, opcode):
            return right, False
        return (left, False) if is_address(right, opcode) else (None, False)
    if is_step(node) and is_pointer(node):
        return node, False
    if kind == "CallExpr":
        callee = bare(inner(node)[0])
        name = callee.get("referencedDecl", {}).get("name")
        if (callee["kind"] == "MemberExpr" and callee["name"] in OPERATIONS) or name in PASS_ON:
            return bare(inner(node)[-1]), False
    return None, False


def is_bounded(node, function, is_index):
    node = bare(node)
    if is_constant(node) or is_masked(node):
        return True
    if node["kind"] == "BinaryOperator" and node["opcode"] in ("+", "*"):
        return all(is_bounded(part, function, False) for part in inner(node))
    if is_index and is_step(node):
        node = bare(inner(node)[0])
    ways = {"constant", "mask", "step"} if is_index else {"constant", "mask"}
    return function.holds_only(node, ways)


def key_of(root, node, function):
    if node["kind"] == "MemberExpr":
        record = re.search(r"struct (\w+)", bare(inner(node)[0])["type"]["qualType"])
        if record:
            return f"{record[1]}.{node['name']}"
    return f"{function.name}: {text_of(root, node)}"


def findings(root, source):
    """Pairs of a key and the file it is in."""
    for top in inner(syntax_tree(root, source)):
        if top["kind"] != "FunctionDecl" or not inner(top):
            continue
        function = Function(top)
        for node in descend(top):
            found, is_index = looked_at(node)
            if found is None or is_bounded(found, function, is_index):
                continue
            place = node["range"]["begin"]
            file = place.get("expansionLoc", place)["file"]
            yield key_of(root, found, function), file


def listed():
    lines = (HERE / "indices.list").read_text().splitlines()
    return [line.strip() for line in lines if line.startswith("\t")]


def check(root, sources, is_all):
    keys = listed()
    found = {}
    for source in sources:
        found.update(findings(root, source))
    failed = [f"{file}: {key}: a guest may choose this: om_index(), or a reason in indices.list"
              for key, file in sorted(found.items()) if key not in keys]
    if is_all:
        failed += [f"indices.list: {key}: nothing needs this" for key in keys
                   if key not in found]
    return failed, len(found)


def without(text, place):
    """The text with the first argument in place of the om_index() that begins at place."""
    begin = place + len("om_index(")
    end = closing(text, begin - 1)
    comma = next(at for at in range(begin, end) if text[at] == "," and
                 text.count("(", begin, at) == text.count(")", begin, at))
    return text[:place] + text[begin:comma] + text[end + 1:]


def controls(root, sources):
    """How many om_index() there are, and those that can be left out unseen."""
    number, unseen = 0, []
    with tempfile.TemporaryDirectory() as copy:
        copy = pathlib.Path(copy)
        subprocess.run(["cp", "-r", "lib", "include", copy], cwd=root, check=True)
        for file in sorted((root / "lib").glob("*.[ch]")):
            text = file.read_text()
            for use in re.finditer(r"\bom_index\((?!uint32_t i,|\))", text):
                number += 1
                (copy / "lib" / file.name).write_text(without(text, use.start()))
                user = f"lib/{file.name}" if file.suffix == ".c" else includer(sources, root, file)
                if not check(copy, [user], False)[0]:
                    line = text.count("\n", 0, use.start()) + 1
                    unseen.append(f"lib/{file.name}:{line}: om_index() can be left out unseen")
            (copy / "lib" / file.name).write_text(text)
    return number, unseen


def includer(sources, root, header):
    return next(source for source in sources if f'"{header.name}"' in (root / source).read_text())


def main():
    arguments = sys.argv[1:]
    root = HERE.parent.parent
    if "--root" in arguments:
        root = pathlib.Path(arguments[arguments.index("--root") + 1]).resolve()
    sources = sorted(str(file.relative_to(root)) for file in (root / "lib").glob("*.c")
                     if file.name not in NO_GUEST)
    if "--controls" in arguments:
        number, failed = controls(root, sources)
        summary = f"{number} times om_index() left out, and seen"
    else:
        failed, number = check(root, sources, True)
        summary = f"no index that a guest chooses; {number} kinds of others"
    print("\n".join(failed) if failed else summary)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
