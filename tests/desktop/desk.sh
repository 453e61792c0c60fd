#!/bin/bash
# desk.sh [--activate] COMMAND [ARGUMENTS]: runs COMMAND on a private desktop without a screen, and ends with its status.
#
# The desktop is an Xvfb, a D-Bus session, openbox, and a HOME of its own in $DESK, which is removed at the end (unless KEEP
# is set). On its bus nothing starts by itself, so what is missing is really missing; with --activate the system's services
# (notification daemon, keyring, xfconfd) start when they are asked for. It ends only what it started.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bus=(--config-file="$here/bus.conf")
[ "${1:-}" = --activate ] && { bus=(); shift; }
[ $# -gt 0 ] || { echo "usage: desk.sh [--activate] COMMAND [ARGUMENTS]" >&2; exit 2; }

DESK=$(mktemp -d)
mkdir -m 700 "$DESK/run"
mkdir "$DESK/home"
export DESK HOME=$DESK/home XDG_RUNTIME_DIR=$DESK/run XDG_DATA_HOME=$DESK/home/.local/share \
  XDG_CONFIG_HOME=$DESK/home/.config XDG_CACHE_HOME=$DESK/home/.cache XDG_STATE_HOME=$DESK/home/.local/state \
  GDK_BACKEND=x11 XDG_SESSION_TYPE=x11 XDG_CURRENT_DESKTOP=XFCE NO_AT_BRIDGE=1 GTK_A11Y=none GSETTINGS_BACKEND=memory \
  LANG=${DESK_LANG:-C.UTF-8}
unset WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS LC_ALL LC_MESSAGES LANGUAGE

exec 7>"$DESK/display"
Xvfb -displayfd 7 -screen 0 1280x800x24 -nolisten tcp -noreset >"$DESK/xvfb.log" 2>&1 &
xvfb=$!
exec 7>&-
trap 'kill $xvfb 2>/dev/null; wait 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$DESK"' EXIT
for _ in $(seq 200); do [ -s "$DESK/display" ] && break; sleep .05; done
[ -s "$DESK/display" ] || { echo "desk.sh: Xvfb did not start" >&2; exit 1; }
DISPLAY=:$(cat "$DESK/display")
export DISPLAY

dbus-run-session "${bus[@]}" -- bash -c '
  openbox >"$DESK/openbox.log" 2>&1 & openbox=$!
  "$@"; status=$?
  kill $openbox 2>/dev/null; wait $openbox 2>/dev/null
  exit $status' desk "$@"
