#!/bin/sh
# A sudo that asks nobody: whoever is in the group `sudo` may, all others may not. It does not change the user; the lab's
# power commands know it by LAB_SUDO.
while [ $# -gt 0 ]; do
  case "$1" in
    -n | --non-interactive | -S | --) shift ;;
    -u | --user) shift 2 ;;
    -v | -l) exec sh -c 'id -nG | grep -qw sudo' ;;
    *) break ;;
  esac
done
if [ "$(id -u)" != 0 ] && ! id -nG | grep -qw sudo; then
  echo "sudo: a password is required" >&2
  exit 1
fi
LAB_SUDO=1 exec "$@"
