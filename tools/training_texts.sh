#!/bin/sh
# Writes the texts that the project's own language model learns from into FOLDER, out of Debian packages:
#   FOLDER/bible.txt          the King James Version, one document for each chapter (public domain)
#   FOLDER/documentation.txt  the Linux kernel's documentation, one document for each file (GPL-2, and the
#                             files' own free licences)
# Nothing is installed: the packages are fetched and unpacked beside the texts, then removed.
# Usage: tools/training_texts.sh FOLDER [LINUX_DOC_PACKAGE]
set -eu

[ $# -ge 1 ] || { echo "usage: $0 FOLDER [LINUX_DOC_PACKAGE]" >&2; exit 2; }
folder=$1
kernel=${2:-linux-doc-6.1}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d "$folder/packages.XXXXXX")
trap 'rm -rf "$work"' EXIT

cd "$work"
apt-get -qq download bible-kjv bible-kjv-text "$kernel" 2>"$work/apt.log" || {
    sed 's/^/  /' "$work/apt.log" >&2
    echo "the packages bible-kjv, bible-kjv-text and $kernel cannot be fetched: run apt-get update first" >&2
    exit 1
}
for package in *.deb; do dpkg-deb -x "$package" unpacked; done

# Lines are "Ge1:1 In the beginning ..."; a document holds the verses of a chapter, the references left out.
unpacked/usr/bin/bible -f -p "$work/unpacked/usr/lib" Gen1:1-Rev22:21 | awk '
    { reference = $1; sub(/:.*/, "", reference); sub(/^[^ ]+ +/, "") }
    NR > 1 && reference != last { print "<|endoftext|>" }
    { print; last = reference }' >"$folder/bible.txt"
[ "$(wc -c <"$folder/bible.txt")" -gt 4000000 ] || { echo "the Bible came out too short" >&2; exit 1; }

# English only: the translations would be a third domain of many alphabets.
find "unpacked/usr/share/doc/$kernel/Documentation" -name '*.rst*' ! -path '*/translations/*' | LC_ALL=C sort |
    while read -r file; do
        case $file in
            *.gz) gzip -dc "$file" ;;
            *) cat "$file" ;;
        esac
        echo '<|endoftext|>'
    done >"$folder/documentation.txt"
[ "$(wc -c <"$folder/documentation.txt")" -gt 4000000 ] || { echo "the documentation came out too short" >&2; exit 1; }
wc -c "$folder/bible.txt" "$folder/documentation.txt"
