#!/usr/bin/env bash
# make_sysroot.sh ARCH FOLDER PACKAGE...: unpacks Debian packages of another architecture into FOLDER.
#
# Nothing is installed: some development packages of two architectures exclude each other. apt keeps
# its lists in FOLDER too, so that the system's do not change and no rights are needed.
# Does nothing when the packages are there.
set -euo pipefail
arch=$1 folder=$2
shift 2

done_file=$folder/packages
[ "$(cat "$done_file" 2>/dev/null)" = "$*" ] && exit 0
echo "fetching for $arch: $*"
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
folder=$(realpath "$folder")
options=(-q -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "APT::Sandbox::User="
         -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt")
apt-get "${options[@]}" update
(cd "$folder/apt/archives" && apt-get "${options[@]}" download "$@")
for package in "$folder"/apt/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
rm -r "$folder/apt"
echo "$*" > "$done_file"
