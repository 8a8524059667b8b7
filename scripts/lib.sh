# What the scripts share. Sourced, from any working directory.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
clang_format=clang-format-14  # its output differs between versions

say() { printf '\n== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The comment at the head of a script is its help.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# configure DIR [meson options]: creates the build folder, or brings its options up to date.
configure() {
  local dir=$root/$1
  shift
  if [ ! -f "$dir/meson-info/intro-tests.json" ]; then
    rm -rf "$dir"
    meson setup "$dir" "$root" "$@"
  elif [ "$(cat "$dir/options" 2>/dev/null)" != "$*" ]; then
    meson configure "$dir" "$@"
  fi
  echo "$*" >"$dir/options"
}

configure_release() {
  configure build --buildtype=plain -Doptimization=2 -Ddebug=true -Db_lto=true \
    -Dstatic_deps=true -Dtests=true
}

# Our C++ files, from the root.
sources() {
  (cd "$root" && find proxy tests -name node_modules -prune -o \
    \( -name '*.cc' -o -name '*.h' \) -print)
}

# programs BUILD FOLDER: the test programs that the build lists under tests/FOLDER, each a line of
# name, seconds and command.
programs() {
  meson introspect --tests "$root/$1" | python3 -c '
import json, shlex, sys
for test in json.load(sys.stdin):
    if sys.argv[1] in test["cmd"][0]:
        environment = [f"{key}={value}" for key, value in test["env"].items()]
        command = shlex.join(["env", *environment, *test["cmd"]])
        print(test["name"], test["timeout"], command, sep="\t")
' "/tests/$2/" || die "cannot list the tests of $1"
}

# run_e2e EXECUTABLE: tests/e2e against it, with the packages that its lock file names.
run_e2e() (
  command -v promtool >/dev/null || die "no promtool"
  cd "$root/tests/e2e" || die "no tests/e2e"
  if [ -f package-lock.json ] && [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --no-audit --no-fund >&2 || die "npm ci failed"
  fi
  mapfile -t files < <(find . -name node_modules -prune -o \
    \( -name '*.test.js' -o -name '*.test.mjs' \) -print | sort)
  [ ${#files[@]} -gt 0 ] || die "no tests in tests/e2e"
  OXBOW=$1 timeout -k 10 2700 node --test --test-reporter=tap "${files[@]}"
)
