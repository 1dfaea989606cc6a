#!/.real/dash
# Stands for every command that a RUN may call: writes down how it was called and succeeds.
# Arguments are joined by unit separators, which stand here as @US@; calls end with a record separator (036).
name=${0##*/}
called=$name
case $0 in /.stubs/*) ;; *) called=$0 ;; esac
. /.trace/platform

emit() {
  old=$IFS
  IFS='@US@'
  line=$*
  IFS=$old
  printf '%s\036' "$line" >>/.trace/log
}

# What the reader of a pipe was given, so that the writer is always the first in the trace.
drain() { if [ -p /dev/stdin ]; then input=$(/.tools/cat); else input=; fi; }

# A downloaded or built file: a program like this one.
produce() {
  case $1 in */*) [ -d "${1%/*}" ] || /.tools/mkdir -p "${1%/*}" 2>/dev/null ;; esac
  [ -e "$1" ] || /.tools/ln -s /.stubs/.stub "$1" 2>/dev/null
}

url_name() {
  found=
  for word; do case $word in -*) ;; *://*) found=${word%%\?*}; found=${found##*/} ;; esac; done
  [ -n "$found" ] && produce "$found"
}

download() {
  emit "$called" "$@"
  drain
  target= remote= expect=
  for word; do
    if [ -n "$expect" ]; then target=$word; expect=; continue; fi
    case $name:$word in
      curl:--output | wget:--output-document | aria2c:--out) expect=1 ;;
      curl:--output=* | wget:--output-document=* | aria2c:--out=*) target=${word#*=} ;;
      curl:--remote-name*) remote=1 ;;
      *:--*) ;;
      curl:-*o | wget:-*O | aria2c:-o) expect=1 ;;
      curl:-*O*) remote=1 ;;
      wget:-*O*) target=${word#*O} ;;
      curl:-o*) target=${word#-o} ;;
    esac
  done
  [ "$name" = curl ] || [ -n "$target" ] || remote=1
  case $target in
    '' | -) [ -n "$target" ] || [ -z "$remote" ] || { url_name "$@"; return 0; }; echo v1.2.3 ;;
    /dev/*) ;;
    *) produce "$target" ;;
  esac
  return 0
}

# A shell that was given a text runs it; one that was given a file only says so.
shell() {
  while [ $# -gt 0 ]; do
    case $1 in
      -o) shift 2 ;;
      --*) shift ;;
      -*c) shift; exec /.real/dash -c "$@" ;;
      -s) shift ;;
      -*) shift ;;
      *) break ;;
    esac
  done
  drain
  emit "$called" "$@" "$input"
}

search() {
  /.real/grep "$@" 2>/dev/null && return 0
  status=$?
  pattern=
  for word; do
    case $word in
      --*) ;;
      -*[qvcL]*) return $status ;;
      -*) ;;
      *) [ -n "$pattern" ] || pattern=$word ;;
    esac
  done
  # What was searched for in something downloaded is there.
  printf '%s\n' "$pattern"
}

sums() {
  check= contents=
  for word; do case $word in -c | --check | -*c) check=1 ;; esac; done
  drain
  for word; do case $word in -*) ;; *) [ -f "$word" ] && [ ! -L "$word" ] && contents=$contents$(/.tools/cat "$word") ;; esac; done
  emit "$called" "$@" "$input$contents"
  [ -n "$check" ] || for word; do case $word in -*) ;; *) echo "0123456789abcdef  $word" ;; esac; done
  return 0
}

make_folders() {
  emit "$called" "$@"
  skip=
  for word; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case $word in -m) skip=1 ;; -*) ;; *) /.tools/mkdir -p "$word" 2>/dev/null ;; esac
  done
  return 0
}

temporary() {
  number=1
  while [ -e "/tmp/tmp.$number" ]; do number=$((number + 1)); done
  case " $* " in *' -d '* | *' -dt '* | *--directory*) /.tools/mkdir -p "/tmp/tmp.$number" ;; *) : >"/tmp/tmp.$number" ;; esac
  echo "/tmp/tmp.$number"
}

as_other() {
  while [ $# -gt 0 ]; do
    case $1 in -u | -g) shift 2 ;; -* | *=*) shift ;; *) break ;; esac
  done
  [ $# -eq 0 ] || exec "$@"
}

case $name in
  uname)
    case "$*" in
      -m | -p | -i | --machine) echo "$machine" ;;
      '' | -s) echo Linux ;;
      -r) echo 6.1.0 ;;
      -o) echo GNU/Linux ;;
      -sm | '-s -m') echo "Linux $machine" ;;
      *) echo "Linux build 6.1.0 #1 SMP $machine GNU/Linux" ;;
    esac ;;
  arch) echo "$machine" ;;
  dpkg) case "$*" in --print-architecture) echo "$dpkg" ;; --print-foreign*) ;; *) emit "$called" "$@" ;; esac ;;
  dpkg-architecture) case "$*" in *MULTIARCH* | *GNU_TYPE*) echo "$triple" ;; *) echo "$dpkg" ;; esac ;;
  apk) case "$*" in --print-arch) echo "$apk" ;; *) drain; emit "$called" "$@" ;; esac ;;
  rpm) case "$*" in *_arch*) echo "$rpm" ;; *) emit "$called" "$@" ;; esac ;;
  getconf) case "$*" in LONG_BIT) echo "$bits" ;; *) echo 1 ;; esac ;;
  gcc | cc | g++ | clang) case "$*" in *-dumpmachine*) echo "$triple" ;; *) emit "$called" "$@" ;; esac ;;
  go)
    case "$*" in
      'env GOARCH' | 'env GOHOSTARCH') echo "$goarch" ;;
      'env GOOS' | 'env GOHOSTOS') echo linux ;;
      'env '*) ;;
      *) emit "$called" "$@" ;;
    esac ;;
  curl | wget | aria2c) download "$@" ;;
  sh | bash | ash | dash | zsh | ksh) shell "$@" ;;
  grep | egrep | fgrep) search "$@" ;;
  sed) case " $*" in *' -i'* | *' -'[a-z]i* | *' --in-place'*) emit "$called" "$@" ;; *) exec /.real/sed "$@" ;; esac ;;
  sha1sum | sha224sum | sha256sum | sha384sum | sha512sum | shasum | md5sum | b2sum) sums "$@" ;;
  mkdir) make_folders "$@" ;;
  mktemp) temporary "$@" ;;
  tee) drain; emit "$called" "$@"; printf '%s\n' "$input" ;;
  jq | yq) drain; echo 1.2.3 ;;
  which) for word; do case $word in -*) ;; *) echo "/usr/bin/$word" ;; esac; done ;;
  lsb_release) echo stable ;;
  date) echo 1700000000 ;;
  nproc) echo 2 ;;
  id) case "$*" in *-u* | *-g*) echo 0 ;; *) echo 'uid=0(root)' ;; esac ;;
  whoami) echo root ;;
  yes) echo y ;;
  sudo | nice | time | nohup | setarch | linux32 | linux64) as_other "$@" ;;
  source | shopt | declare | local | typeset) ;;
  tar | bsdtar | gpg | gpg2 | apt-key | patch | unzip | gunzip | bunzip2 | xz | unxz | cpio | base64 | dd | python* | perl | ruby | node | debconf-set-selections | chpasswd | rpm2cpio)
    drain
    emit "$called" "$@" "$input" ;;
  *) emit "$called" "$@" ;;
esac
