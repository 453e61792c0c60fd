"""Serves one fakepve (a Proxmox API that is not ours) for a test.

The first line on standard input describes it, in JSON; every further line is an order. Each is answered by one line on
standard output. It ends when standard input does, so it never outlives its test.
"""

import asyncio
import datetime
import hashlib
import inspect
import json
import os
import sys
import tempfile

import fakepve
from aiohttp import web
from fakepve.certs import make_cert


class Pve(fakepve.FakePve):
    """Adds what a real Proxmox does and fakepve does not."""

    frozen = None
    # What a task writes into its log before it begins.
    task_log = ()

    async def task(self, *args, **kwargs):
        return await super().task(*args, **{'log': self.task_log, **kwargs})

    def huge_resources(self, mebibytes):
        self.padding = ' ' * (mebibytes << 20)

    padding = ''

    # GET …/rrddata by vmid, and the machine's under its name.
    rrd = {}

    async def synthesise(self, match, method, info, user, values):
        if method == 'GET' and match.template == '/cluster/tasks':
            return [self._task_view(task, listing=True) for task in self.tasks.values()]
        if method == 'GET' and match.template.endswith('/rrddata'):
            of = match.params.get('vmid', match.params['node'])
            return self.rrd.get(str(of), {}).get(values['timeframe'], [])
        return await super().synthesise(match, method, info, user, values)

    def ct_resources(self, user, kind=None):
        rows = super().ct_resources(user, kind)
        for row in rows:
            if row['status'] == 'running':
                row.update((k, v) for k, v in self.ct(row['vmid']).stats.items() if k in row)
        return rows

    def freeze_resources(self):
        """From now on /cluster/resources shows the guests as they are now, as pvestatd does for up to 10 s."""
        self.frozen = dict((guest.vmid, guest.status) for guest in self.vms + self.cts)

    async def _resources(self, request):
        answer = await super()._resources(request)
        if self.padding:
            return web.Response(text=answer.text + self.padding, content_type='application/json')
        if self.frozen is None:
            return answer
        body = json.loads(answer.text)
        for row in body['data']:
            if row.get('vmid') in self.frozen:
                row['status'] = self.frozen[row['vmid']]
        return web.json_response(body)


def build(spec):
    pve = Pve(user='root@pam', password='correct horse', host='127.0.0.1', port=0)
    pve.nodes = {}
    for name in spec.get('members', ['pve1']):
        pve.add_node(name)
    pve.apitokens.update(spec.get('tokens', {}))
    pve.users.update(spec.get('users', {}))
    for user, path, privileges in spec.get('grants', []):
        pve.grant(user, path, *privileges)
    for guest in spec.get('guests', []):
        add = pve.add_ct if guest['kind'] == 'lxc' else pve.add_vm
        config = dict(guest.get('config', {}))
        if guest['kind'] == 'lxc':
            config.setdefault('hostname', guest['name'])
            made = add(guest['vmid'], node=guest.get('member', 'pve1'), status=guest.get('status', 'stopped'), config=config)
        else:
            made = add(guest['vmid'], guest['name'], node=guest.get('member', 'pve1'),
                       status=guest.get('status', 'stopped'), config=config, template=guest.get('template', False))
        for name, value in guest.get('set', {}).items():
            setattr(made, name, value)
    pve.time_scale = spec.get('time_scale', 0.02)
    if 'version' in spec:
        pve.version = spec['version']
    for name, value in spec.get('set', {}).items():
        setattr(pve, name, value)
    return pve


async def obey(pve, order):
    do = order['do']
    if do == 'requests':
        seen = [[method, path] for method, path, _ in pve.requests]
        return seen
    if do == 'bodies':
        return [[method, path, body.decode()] for method, path, body in pve.requests]
    if do == 'forget':
        del pve.requests[:]
        return None
    if do == 'status':
        return pve.guest(order['vmid']).status
    if do == 'set':
        target = pve.guest(order['vmid']) if 'vmid' in order else pve
        for name, value in order['values'].items():
            setattr(target, name, value)
        return None
    if do == 'call':
        answer = getattr(pve, order['name'])(*order.get('args', []), **order.get('kwargs', {}))
        if inspect.isawaitable(answer):
            answer = await answer
        return answer if isinstance(answer, (str, int, float, bool, type(None))) else None
    if do == 'task':
        # A task of another client that just runs, as one of a kind that fakepve has no scenario for.
        async def body():
            await pve.pause(order['secs'])
        guest = pve.guest(order['vmid'])
        return await pve.task(guest.node, order['kind'], order['vmid'], 'root@pam', body)
    raise ValueError(do)


def expired_cert(folder):
    """A certificate as Proxmox makes them (RSA), that was good until yesterday."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'pve1.lan')])
    today = datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(today - datetime.timedelta(days=30))
            .not_valid_after(today - datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
    files = os.path.join(folder, 'crt'), os.path.join(folder, 'key')
    for file, content in zip(files, (
            cert.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()))):
        with open(file, 'wb') as out:
            out.write(content)
    return (*files, cert.public_bytes(serialization.Encoding.DER))


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    spec = json.loads(await lines.readline())
    pve = build(spec)
    with tempfile.TemporaryDirectory() as folder:
        certfile, keyfile, der = expired_cert(folder) if spec.get('expired') else make_cert(folder, name='pve1.lan')
        await pve.start(certfile, keyfile)
    print(json.dumps({'port': pve.port, 'der_sha256': hashlib.sha256(der).hexdigest()}), flush=True)
    while True:
        line = await lines.readline()
        if not line:
            return
        try:
            answer = {'ok': await obey(pve, json.loads(line))}
        except Exception as error:  # noqa: BLE001 - the test must hear of it
            answer = {'error': repr(error)}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
