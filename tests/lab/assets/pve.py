"""The Proxmox API of one machine of the lab: fakepve, with what the lab must see and break.

Reads its configuration from the JSON file that is its argument. On a Unix socket it speaks JSON lines with the lab: requests
{"id", "do", ...} are answered by {"id", "ok"} or {"id", "error"}, and {"event", ...} tells what happened.
"""

import asyncio
import hashlib
import json
import os
import ssl
import sys
import time

from fakepve import FakePve
from fakepve.certs import make_cert
from fakepve.model import PveError


class Lab(FakePve):
    """A FakePve that knows tokens with fewer rights than their user, and tells when its machine is asked to go down."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.limited = {}
        self.past = Past()
        self.tell = lambda event: None

    def allowed(self, user, path, priv):
        if user in self.limited:
            return priv in self.limited[user]
        return super().allowed(user, path, priv)

    def check_permissions(self, user, perms, values, declared=None):
        if user not in self.limited:
            super().check_permissions(user, perms, values, declared)
        elif perms and 'check' in perms:
            allowed, why = self._check(user, perms['check'], values, declared)
            if not allowed:
                raise PveError(403, 'Permission check failed ({0})'.format(why))

    async def _permissions(self, values, user):
        who = values.get('userid') or user
        if who in self.limited:
            return {'/': dict.fromkeys(sorted(self.limited[who]), 1)}
        return await super()._permissions(values, user)

    async def synthesise(self, match, method, info, user, values):
        if method == 'POST' and match.template == '/nodes/{node}/status':
            self.tell({'event': 'node', 'command': values.get('command', '')})
            return None
        if method == 'GET' and match.template == '/cluster/tasks':
            return [self._task_view(task, listing=True) for task in self.tasks.values()]
        if method == 'GET' and match.template.endswith('/{vmid}/rrddata'):
            return self.past.rows(int(match.params['vmid']))
        return await super().synthesise(match, method, info, user, values)

    def ct_resources(self, user, kind=None):
        """As of VMs, with what the lab has set."""
        rows = super().ct_resources(user, kind)
        for row in rows:
            if row['status'] == 'running':
                row.update((k, v) for k, v in self.ct(row['vmid']).stats.items() if k in row)
        return rows

    up_since = time.time()

    def _node_stats(self, online):
        stats = super()._node_stats(online)
        if online:
            # one that stands still is taken for a pvestatd that hangs
            stats['uptime'] = int(time.time() - self.up_since) + 1
        return stats


def watch(guest, tell):
    """Tells whenever the guest's status becomes another one."""
    kind = type(guest)

    class Watched(kind):
        def __setattr__(self, name, value):
            changed = name == 'status' and value != self.status
            super().__setattr__(name, value)
            if changed:
                tell({'event': 'guest', 'vmid': self.vmid, 'status': value})

    Watched.__name__ = kind.__name__
    guest.__class__ = Watched


class Past:
    """What a guest's counters were at the end of each minute, for rrddata."""

    def __init__(self):
        self.clock = time.time
        self.minutes = {}

    def take(self, vmid, stats):
        minutes = self.minutes.setdefault(vmid, {})
        minutes[int(self.clock() // 60) * 60] = dict(stats)
        while len(minutes) > 1440:
            del minutes[min(minutes)]

    def rows(self, vmid):
        """Rates, as Proxmox tells them; without values where nothing was measured, and of the minute that is not over."""
        minutes = self.minutes.get(vmid, {})
        now = int(self.clock() // 60) * 60
        rows = []
        for minute in range(min(minutes, default=now), now + 1, 60):
            row = {'time': minute}
            before, after = minutes.get(minute - 60), minutes.get(minute)
            if before and after and minute < now and all(before[k] <= after[k] for k in ('netin', 'netout')):
                row.update({k: (after[k] - before[k]) / 60 for k in ('netin', 'netout')})
                row.update({k: after[k] for k in ('cpu', 'maxcpu', 'mem', 'maxmem') if k in after})
            rows.append(row)
        return rows


class Card:
    """A guest's network card, counted where its cable ends at the lab's bridge: what goes in there comes out at the guest.

    A machine's /sys is the computer's, and so shows the interfaces of the computer.
    """

    def __init__(self, cable):
        self.folder = '/sys/class/net/{}/statistics/'.format(cable)
        self.before = None

    def _count(self, name):
        with open(self.folder + name) as file:
            return int(file.read())

    def since_start(self, runs):
        """As Proxmox counts, from the guest's start on; its names for it."""
        now = (self._count('tx_bytes'), self._count('rx_bytes'))
        if not runs or self.before is None:
            self.before = now if runs else None
            return {'netin': 0, 'netout': 0}
        return {'netin': now[0] - self.before[0], 'netout': now[1] - self.before[1]}


class Server:
    def __init__(self, settings):
        self.settings = settings
        self.streams = set()
        self.cards = {}
        # by guest, what the lab has set: it is told as it stands
        self.told = {}
        self.pve = pve = Lab(user=settings['user'], password=settings['password'], host=settings['address'])
        pve.nodes = {settings['node']: {'online': True}}
        pve.time_scale = 1.0
        pve.tell = self.tell
        pve.apitokens.update(settings['tokens'])
        for guest in settings['guests']:
            add = pve.add_ct if guest['kind'] == 'lxc' else pve.add_vm
            made = add(guest['vmid'], guest['name'], node=settings['node'], config=guest['config'])
            made.start_secs = settings['start_secs']
            made.shutdown_secs = settings['shutdown_secs']
            made.stats.update(guest['stats'])
            watch(made, self.tell)
            self.cards[guest['vmid']] = Card(guest['cable'])
            self.told[guest['vmid']] = set()

    def tell(self, event):
        line = json.dumps(event).encode() + b'\n'
        for stream in self.streams:
            stream.write(line)

    def guest(self, vmid):
        return next(guest for guest in self.pve.vms + self.pve.cts if guest.vmid == vmid)

    def certificate(self, new=False):
        folder = self.settings['certificates']
        if new or not os.path.exists(os.path.join(folder, 'pve.key')):
            make_cert(folder, name='pve', hosts=(self.settings['address'], self.settings['node']))
        return os.path.join(folder, 'pve.crt'), os.path.join(folder, 'pve.key')

    def fingerprint(self):
        with open(self.certificate()[0]) as file:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()

    async def answer(self, request):
        what = request['do']
        if what == 'guest':
            guest = self.guest(request['vmid'])
            return {'name': guest.name, 'node': guest.node, 'status': guest.status, 'lock': guest.lock}
        if what == 'set':
            guest = self.guest(request['vmid'])
            for name, value in request['values'].items():
                setattr(guest, name, value)
                if name == 'lock':
                    if value:
                        guest.config['lock'] = value
                    else:
                        guest.config.pop('lock', None)
                if name == 'status' and hasattr(guest, 'qmpstatus'):
                    guest.qmpstatus = value
            return None
        if what == 'stats':
            self.guest(request['vmid']).stats.update(request['values'])
            self.told[request['vmid']].update(request['values'])
            return None
        if what == 'clock':
            begun, now, speed = time.time(), request['now'], request['speed']
            self.pve.past.minutes.clear()
            self.pve.past.clock = lambda: now + (time.time() - begun) * speed
            return None
        if what == 'attribute':
            setattr(self.pve, request['name'], request['value'])
            return None
        if what == 'call':
            answer = getattr(self.pve, request['name'])(*request.get('arguments', []), **request.get('named', {}))
            if asyncio.iscoroutine(answer):
                answer = await answer
            return answer if isinstance(answer, (str, int, float, list, dict)) else None
        if what == 'limit':
            if request['privileges'] is None:
                self.pve.limited.pop(request['token'], None)
            else:
                self.pve.limited[request['token']] = set(request['privileges'])
            return None
        if what == 'heal':
            self.pve.failures.clear()
            self.pve.limited.clear()
            self.pve.flaky_network()
            self.pve.slow_network(0)
            return None
        if what == 'requests':
            return [[method, path] for method, path, _ in self.pve.requests]
        if what == 'fingerprint':
            return self.fingerprint()
        if what == 'new_certificate':
            await self.pve.stop()
            await self.pve.start(*self.certificate(new=True))
            return self.fingerprint()
        raise ValueError('the lab asked for ' + what)

    async def talk(self, reader, writer):
        self.streams.add(writer)
        try:
            async for line in reader:
                request = json.loads(line)
                try:
                    answer = {'id': request['id'], 'ok': await self.answer(request)}
                except Exception as error:
                    answer = {'id': request['id'], 'error': '{}: {}'.format(type(error).__name__, error)}
                writer.write(json.dumps(answer).encode() + b'\n')
        finally:
            self.streams.discard(writer)
            writer.close()

    async def measure(self):
        """As pvestatd does every 10 s."""
        while True:
            for vmid, card in self.cards.items():
                guest = self.guest(vmid)
                counted = card.since_start(guest.status == 'running')
                guest.stats.update((k, v) for k, v in counted.items() if k not in self.told[vmid])
                if guest.status == 'running':
                    self.pve.past.take(vmid, guest.stats)
            await asyncio.sleep(0.5)

    async def run(self):
        await self.pve.start(*self.certificate())
        measuring = asyncio.create_task(self.measure())
        measuring.add_done_callback(lambda ended: ended.result())
        socket = self.settings['socket']
        if os.path.exists(socket):
            os.unlink(socket)
        server = await asyncio.start_unix_server(self.talk, socket)
        async with server:
            await server.serve_forever()


with open(sys.argv[1]) as file:
    asyncio.run(Server(json.load(file)).run())
