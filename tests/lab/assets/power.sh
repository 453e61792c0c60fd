#!/bin/sh
# Stands first in every login's PATH as systemctl, shutdown, poweroff, halt and reboot, and tells the lab.
ask() {
  if [ "$(id -u)" != 0 ] && [ "${LAB_SUDO:-}" != 1 ]; then
    echo "Failed to $2 system via logind: Interactive authentication required." >&2
    exit 1
  fi
  if [ -e /run/lab/refuses-shutdown ]; then
    echo "Failed to $2 system via logind: Operation inhibited by \"backup\" (PID 812 \"rsync\"), reason is \"backup in progress\"." >&2
    exit 1
  fi
  echo "$1" >/run/lab/power
  exit 0
}

case "$(basename "$0")" in
  poweroff | halt) ask poweroff "power off" ;;
  reboot) ask reboot reboot ;;
  shutdown)
    for argument in "$@"; do
      case "$argument" in
        -r | --reboot) ask reboot reboot ;;
        -c) exit 0 ;;
      esac
    done
    ask poweroff "power off"
    ;;
  systemctl)
    for argument in "$@"; do
      case "$argument" in
        -*) ;;
        poweroff | halt) ask poweroff "power off" ;;
        reboot) ask reboot reboot ;;
        suspend) ask suspend suspend ;;
        hibernate) ask hibernate hibernate ;;
        *) break ;;
      esac
    done
    echo "System has not been booted with systemd as init system (PID 1). Can't operate." >&2
    exit 1
    ;;
esac
