#!/usr/bin/env python3
"""Runs clang-tidy over the project's sources and prints every finding once; exit code 1 if there are any.

Parsing and walking LibTorch's and Qt's headers takes clang-tidy half a minute for each source and the source itself
a moment. So sources that do not clash are examined together, in one translation unit of many includes, and what was
found clean is remembered (under BUILD/static_analysis) until it, a header of it or the checks change.

usage: static_analysis.py BUILD [--changed BASE] [--jobs N] [SOURCE...]
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("core", "kernels", "widgets", "app", "plugins")
LARGEST_GROUP = 40
# What GCC understands and clang does not, or what belongs to GCC's precompiled headers.
GCC_ONLY = {"-fpch-preprocess", "-Winvalid-pch", "-Wno-restrict", "-c"}
FINDING = re.compile(r"^(/.*?):(\d+):(\d+): (warning|error): (.*)$")


def say(text):
    print(text, file=sys.stderr, flush=True)


def clang_arguments(entry):
    """(kind of precompiled header, arguments) of a compile command, as clang takes them."""
    words = shlex.split(entry["command"])[1:]
    kind, kept, index = "none", [], 0
    while index < len(words):
        word = words[index]
        if word == "-include" and "cmake_pch" in words[index + 1]:
            kind = re.search(r"vitrine_(\w+)_pch", words[index + 1]).group(1)
            index += 2
        elif word == "-o":
            index += 2
        elif word == "-isystem":
            kept.append((word, words[index + 1]))
            index += 2
        else:
            if word not in GCC_ONLY and word != entry["file"]:
                kept.append((word,))
            index += 1
    return kind, kept


def private_names(path):
    """Names that a source defines in namespaces without a name: two sources that share one cannot stand together."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    names = set()
    for block in re.findall(r"^namespace \{\n(.*?)^\}  // namespace", text, re.S | re.M):
        for match in re.finditer(
            r"^(?:struct|class|enum(?: class)?|using) (\w+)|^\w[\w:<>,&*\[\] ]*[ *&](\w+)\(|"
            r"^(?:static |inline )?const(?:expr)? [\w:<>,&* ]+[ *&](\w+)\b", block, re.M):
            names.add(match.group(1) or match.group(2) or match.group(3))
    return names


def dependencies(build):
    """source -> the project's own headers that it includes, as ninja recorded them at the last build."""
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True).stdout
    found = collections.defaultdict(set)
    for block in listing.split("\n\n"):
        files = [os.path.normpath(os.path.join(build, line.strip())) for line in block.splitlines()[1:]]
        own = [file for file in files if file.startswith(ROOT + os.sep)]
        for source in own:
            if source.endswith(".cpp"):
                found[source].update(own)
    return found


class Analysis:
    def __init__(self, build, jobs):
        self.build = build
        self.jobs = jobs
        self.folder = os.path.join(build, "static_analysis")
        os.makedirs(self.folder, exist_ok=True)
        self.commands = {}
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
            for entry in json.load(file):
                self.commands.setdefault(entry["file"], entry)
        self.headers = dependencies(build)
        self.hashes = {}
        self.stamp_file = os.path.join(self.folder, "clean.json")
        self.stamps = {}
        if os.path.exists(self.stamp_file):
            with open(self.stamp_file, encoding="utf-8") as file:
                self.stamps = json.load(file)
        self.findings = set()
        self.precompiled = {}

    def hash_of(self, path):
        if path not in self.hashes:
            try:
                with open(path, "rb") as file:
                    self.hashes[path] = hashlib.sha256(file.read()).hexdigest()
            except OSError:
                self.hashes[path] = "gone"
        return self.hashes[path]

    def stamp_of(self, source):
        parts = [self.hash_of(os.path.join(ROOT, ".clang-tidy")), self.hash_of(source)]
        parts += [self.hash_of(header) for header in sorted(self.headers.get(source, ()))
                  if not header.startswith(self.build + os.sep)]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def groups(self, sources):
        """Lists of sources of one kind without common private names."""
        result = []
        for source in sources:
            kind, arguments = clang_arguments(self.commands[source])
            defines = frozenset(word for (word, *_) in arguments if word.startswith("-D"))
            key = (kind, "-fopenmp" in {word for (word, *_) in arguments})
            names = private_names(source)
            for group in result:
                if (group["key"] == key and len(group["sources"]) < LARGEST_GROUP and not names & group["names"]
                        and compatible(defines, group["defines"])):
                    break
            else:
                group = {"key": key, "sources": [], "names": set(), "defines": set(), "arguments": {}}
                result.append(group)
            group["sources"].append(source)
            group["names"] |= names
            group["defines"] |= defines
            group["arguments"].update(dict.fromkeys(arguments))
        return result

    def precompile(self, groups):
        """Clang's own precompiled header for each kind of sources, from what all groups of the kind agree on."""
        for key in {group["key"] for group in groups} - set(self.precompiled):
            header = os.path.join(ROOT, "cmake", f"{key[0]}_pch.h")
            if not os.path.exists(header):
                continue
            same = [group["arguments"] for group in groups if group["key"] == key]
            shared = [argument for argument in same[0] if all(argument in other for other in same)]
            target = os.path.join(self.folder, f"{key[0]}{'_openmp' if key[1] else ''}.pch")
            subprocess.run(["clang++", *flat(shared), "-w", "-x", "c++-header", header, "-o", target], cwd=self.build,
                           check=True)
            self.precompiled[key] = target

    def command_line(self, group):
        header = self.precompiled.get(group["key"])
        return flat(group["arguments"]) + (["-include-pch", header] if header else []) + ["-w", "-ferror-limit=0"]

    def write_unit(self, group):
        name = hashlib.sha256("".join(group["sources"]).encode()).hexdigest()[:12]
        path = os.path.join(self.folder, f"unit_{name}.cpp")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f'#include "{source}"\n' for source in group["sources"])
        return path

    def without_clashes(self, group):
        """Takes out the sources that do not compile beside the others; they have another turn among themselves."""
        alone = []
        while len(group["sources"]) > 1:
            unit = self.write_unit(group)
            check = subprocess.run(["clang++", *self.command_line(group), "-fsyntax-only", unit], cwd=self.build,
                                   capture_output=True, text=True)
            if check.returncode == 0:
                break
            os.remove(unit)
            blamed = {match.group(1) for match in map(FINDING.match, check.stderr.splitlines()) if match}
            alone += [source for source in group["sources"][1:] if source in blamed] or group["sources"][1:]
            group["sources"] = [source for source in group["sources"] if source not in alone]
        return group, alone

    def examine(self, group):
        unit = self.write_unit(group)
        pattern = f"^{re.escape(ROOT)}/({'|'.join(FOLDERS)})/.*\\.(h|cpp)$"
        run = subprocess.run(
            ["clang-tidy", "--quiet", f"--config-file={ROOT}/.clang-tidy", f"--header-filter={pattern}",
             "--checks=-bugprone-suspicious-include", unit, "--", *self.command_line(group)],
            cwd=self.build, capture_output=True, text=True)
        os.remove(unit)
        clean = set(group["sources"])
        lines = run.stdout.splitlines()
        for index, line in enumerate(lines):
            match = FINDING.match(line)
            if not match:
                continue
            self.report(match.group(0), "\n".join(lines[index:index + 3]))
            # A finding in a header is everybody's who includes it.
            clean -= {source for source in clean
                      if match.group(1) == source or match.group(1) in self.headers.get(source, ())}
        if run.returncode != 0 and not any(map(FINDING.match, lines)):
            self.report(unit, f"clang-tidy failed on {' '.join(group['sources'])}:\n{run.stderr[-2000:]}")
            clean = set()
        return clean

    def report(self, key, text):
        if key not in self.findings:
            self.findings.add(key)
            print(text, flush=True)

    def work_on(self, group):
        """(sources examined, those found clean, those left for a turn of their own)"""
        group, alone = self.without_clashes(group)
        return len(group["sources"]), self.examine(group), alone

    def keep(self, clean):
        self.stamps.update({source: self.stamp_of(source) for source in clean})
        temporary = f"{self.stamp_file}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(self.stamps, file)
        os.replace(temporary, self.stamp_file)

    def run(self, sources):
        todo = [source for source in sources if self.stamps.get(source) != self.stamp_of(source)]
        say(f"static analysis: {len(todo)} of {len(sources)} sources to examine")
        groups = self.groups(todo)
        done = 0
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            while groups:
                self.precompile(groups)
                clashing = []
                for examined, clean, alone in pool.map(self.work_on, groups):
                    self.keep(clean)
                    clashing += alone
                    done += examined
                    say(f"  {done} of {len(todo)} examined, {len(self.findings)} findings")
                groups = self.groups(clashing)
        say(f"static analysis: {len(self.findings)} findings")
        return 1 if self.findings else 0


def flat(arguments):
    return [word for argument in arguments for word in argument]


def compatible(defines, others):
    values = {define.split("=")[0]: define for define in others}
    return all(values.get(define.split("=")[0], define) == define for define in defines)


def listed_sources(analysis, options):
    if options.sources:
        names = options.sources
    else:
        names = subprocess.run(["git", "ls-files", *(f"{folder}/*.cpp" for folder in FOLDERS)], cwd=ROOT,
                               capture_output=True, text=True, check=True).stdout.split()
    sources = [os.path.join(ROOT, name) for name in names]
    left_out = [source for source in sources if source not in analysis.commands]
    if left_out:
        say(f"static analysis: {len(left_out)} sources are not part of this build and are left out")
    sources = [source for source in sources if source in analysis.commands and os.path.exists(source)]
    if options.changed:
        changed = {os.path.join(ROOT, name) for name in subprocess.run(
            ["git", "diff", "--name-only", options.changed], cwd=ROOT, capture_output=True, text=True,
            check=True).stdout.split()}
        sources = [source for source in sources if source in changed or analysis.headers.get(source, set()) & changed]
    return sources


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", help="build folder with compile_commands.json")
    parser.add_argument("--changed", metavar="BASE", help="only sources that differ from this commit, or whose headers do")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="clang-tidy processes at once")
    parser.add_argument("sources", nargs="*", help="only these, relative to the project")
    options = parser.parse_intermixed_args()
    analysis = Analysis(os.path.abspath(options.build), options.jobs)
    return analysis.run(listed_sources(analysis, options))


if __name__ == "__main__":
    sys.exit(main())
