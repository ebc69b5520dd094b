# shellcheck shell=bash
# Packages of Debian and PyPI that the build and the commands need. Sourced by every command. Installs what is
# missing and nothing else, says what, and never touches a package that is there.

# Of C++ only what Swift's own library needs where it is linked into an executable.
build_packages=(librdkafka-dev libsqlite3-dev libmicrohttpd-dev libssl-dev zlib1g-dev libstdc++-12-dev)
tool_packages=(kcat curl python3 python3-venv python3-yaml python3-jsonschema openssl)
java_package=openjdk-17-jre-headless
java_compiler_package=openjdk-17-jdk-headless

# install_packages [PACKAGE...]: the platform's packages and those named, as far as they are missing.
install_packages() {
    command -v dpkg-query >/dev/null || fail "this is not Debian: install by hand what corresponds to" \
        "${build_packages[*]} ${tool_packages[*]} $*, then build and start the services as the README says"
    local package missing=()
    for package in "${build_packages[@]}" "${tool_packages[@]}" "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing the Debian packages ${missing[*]}"
    as_root apt-get update -qq
    # The lock may be held by another run of this command, or by the system's own updates.
    as_root apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 "${missing[@]}"
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        fail "packages are missing and this user is not root and has no sudo; run as root: $*"
    fi
}

# pip_environment PACKAGE VERSION: prints the folder of a virtual environment that has this package of PyPI. It is made
# when it is first asked for, in a cache, or in the run's folder where there is no cache.
pip_environment() {
    local cache=${XDG_CACHE_HOME:-${HOME:-$run}/.cache}/pointstream folder
    mkdir -p "$cache" 2>/dev/null || cache=$run/cache
    mkdir -p "$cache"
    folder=$cache/$1-$2
    (
        # Two runs at once would install over each other.
        flock 9
        [ -e "$folder.ready" ] && exit 0
        say "installing $1 $2 into a virtual environment, $folder"
        rm -rf "$folder"
        python3 -m venv "$folder" &&
            "$folder/bin/pip" install --quiet --disable-pip-version-check "$1==$2" && : >"$folder.ready"
    ) 9>"$cache/lock" >&2
    [ -e "$folder.ready" ] || fail "$1 $2 could not be installed into $folder"
    printf '%s\n' "$folder"
}

# has_java: whether the Java that Kafka's scripts will use is 17 or later.
has_java() {
    local java=${JAVA_HOME:+$JAVA_HOME/bin/}java
    command -v "$java" >/dev/null && "$java" -version 2>&1 | grep -Eq 'version "(1[7-9]|[2-9][0-9])'
}

# has_java_compiler: whether it runs programs from their source.
has_java_compiler() {
    "${JAVA_HOME:+$JAVA_HOME/bin/}java" --list-modules 2>/dev/null | grep '^jdk\.compiler@' >/dev/null
}

# install_for_kafka KIND: the packages, and Java if Kafka is going to be started here and there is none.
install_for_kafka() {
    if [ "$1" = kafka ] && ! has_java; then install_packages "$java_package"; else install_packages; fi
}

# need_swift: ends the command if the toolchain is not there; it is the one thing that is not installed here.
need_swift() {
    command -v swift >/dev/null ||
        fail "swift is not on the PATH: install the Swift toolchain first (https://swift.org/install)"
}
