"""The reference homelab in the lab, all of it on, imported into a data directory: what the application has to watch."""
import contextlib
import os
import re
import subprocess

HOSTS = ['machine1', 'machine2', 'nas', 'raspberry']
GUESTS = ['jellystat', 'sandbox', 'qbittorrent', 'vm-ubuntu', 'vm-homeassistant', 'lxc-jellyfin', 'lxc-cloudflared',
          'pihole', 'nextcloud']


def missing(build):
    """Why there can be none."""
    if os.geteuid() != 0:
        return 'the lab needs root'
    absent = [name for name in ('lab', 'wakehub') if not os.path.exists(os.path.join(build, name))]
    return f'not built: {", ".join(absent)}' if absent else None


@contextlib.contextmanager
def running(build, data):
    """Programs of `build`; the lab is taken away at the end."""
    folder = os.path.join(os.environ['DESK'], 'lab')
    os.environ['PATH'] = f'{build}:{os.environ["PATH"]}:/usr/sbin:/sbin'
    os.environ['WAKEHUB_DATA_DIR'] = data
    log = open(os.path.join(os.environ['DESK'], 'lab.err'), 'w')
    keyring = subprocess.Popen(['gnome-keyring-daemon', '--foreground', '--unlock', '--components=secrets'],
                               stdin=subprocess.PIPE, stdout=log, stderr=log)
    keyring.stdin.write(b'password of the login')
    keyring.stdin.close()
    subprocess.run(['gdbus', 'wait', '--session', '--timeout', '30', 'org.freedesktop.secrets'], check=True)
    lab = subprocess.Popen(['lab', '--folder', folder, '--on', ','.join(HOSTS)], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=log, text=True)
    drain = None
    try:
        secrets = []
        for line in lab.stdout:
            secrets += re.findall(r'^secret +(.*)', line)
            if line.startswith('Here:'):
                break
        # What happens in it later is written somewhere, or the lab would wait for a reader.
        drain = subprocess.Popen(['cat'], stdin=lab.stdout, stdout=log)

        def wakehub(*arguments):
            subprocess.run(['wakehub', *arguments], check=True, stdout=log, stderr=log)
        wakehub('import', os.path.join(folder, 'homelab.toml'))
        for secret in secrets:
            subprocess.run(['sh', '-c', secret], check=True, stdout=log, stderr=log)
        for host in HOSTS:
            wakehub('test', host, '--accept')
        for guest in GUESTS:
            wakehub('start', guest)
        # The engine in a VM has a host key of its own, if it is reached over SSH.
        wakehub('test', 'vm-docker', '--accept')
        yield
    finally:
        lab.terminate()
        lab.wait(60)
        if drain:
            drain.wait(10)
        keyring.terminate()
        keyring.wait(10)
