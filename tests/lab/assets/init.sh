#!/bin/sh
# The first process of a machine that runs: in its own network, mount, pid and UTS namespace. $1 is the machine's folder,
# which it and all its processes see as /run/lab. When it ends, the kernel ends all that runs in the machine.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
. "$1/lab/machine.env"
hostname "$NAME"

# A /run of its own: /var/run/docker.sock, utmp and the rest are then this machine's alone.
mkdir -p "$1/run"
mount -t tmpfs -o mode=0755 tmpfs "$1/run"
mkdir -p "$1/run/lab" "$1/run/sshd" "$1/run/lock" "$1/run/docker-data"
mount --bind "$1/lab" "$1/run/lab"
if [ -n "$DOCKER" ]; then mount --bind "$1/docker" "$1/run/docker-data"; fi
mount --rbind "$1/run" /run
# From here on $1 is out of sight.
touch /run/utmp
for file in passwd group shadow hostname; do
  if [ -e "/etc/$file" ]; then mount --bind "/run/lab/etc/$file" "/etc/$file"; fi
done
mount --bind /run/lab/log /var/log
mount --bind /run/lab/bin /usr/local/sbin
# Also where a command is called by its full path.
for name in systemctl shutdown poweroff halt reboot sudo; do
  for folder in /usr/bin /usr/sbin /bin /sbin; do
    if [ -e "$folder/$name" ]; then mount --bind "/run/lab/bin/$name" "$folder/$name"; fi
  done
done

# keep NAME COMMAND…: runs it again when it ends, until the machine goes down.
keep() {
  keep_name=$1
  shift
  while [ ! -e /run/going-down ]; do
    "$@" >>"/run/lab/log/$keep_name.log" 2>&1 || true
    sleep 0.1
  done
}

go_down() {
  touch /run/going-down
  if [ -e /run/docker.pid ]; then
    docker=$(cat /run/docker.pid)
    kill -TERM "$docker" 2>/dev/null || true
    tries=0
    while kill -0 "$docker" 2>/dev/null && [ $tries -lt 100 ]; do
      sleep 0.05
      tries=$((tries + 1))
    done
  fi
  exit 0
}
trap go_down TERM

rm -f /run/lab/sshd.pid /run/lab/docker.sock
keep sshd "$SSHD" -D -e -f /run/lab/sshd_config &
if [ -n "$HTTP_PORT" ]; then keep httpd busybox httpd -f -p "$HTTP_PORT" -h /run/lab/www & fi
if [ -n "$DOCKER" ]; then
  ln -s /run/lab/docker.sock /run/docker.sock
  # shellcheck disable=SC2086
  keep docker dockerd --data-root /run/docker-data --exec-root /run/docker --pidfile /run/docker.pid \
    --host unix:///run/lab/docker.sock $DOCKER_FLAGS --storage-driver vfs --cgroup-parent "$CGROUP" \
    --exec-opt native.cgroupdriver=cgroupfs --shutdown-timeout 4 &
fi
if [ -e /run/lab/pve.json ]; then keep pve "$PYTHON" /run/lab/pve.py /run/lab/pve.json & fi

while :; do
  sleep 1000 &
  wait $! || true
done
