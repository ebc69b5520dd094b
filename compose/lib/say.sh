# shellcheck shell=bash
# What the commands tell people. Sourced by quickstart and check; prints, and ends the command on errors.

# say TEXT...: one line about what happens now, on standard output.
say() { printf '%s\n' "$*"; }

# fail TEXT...: why the command cannot go on. The caller's exit trap cleans up.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
