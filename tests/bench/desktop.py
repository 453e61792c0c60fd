#!/usr/bin/python3
"""Measures the desktop application: time to the tray, time to the first paint, memory, processes left, processor time.

    tests/desktop/desk.sh /usr/bin/python3 tests/bench/desktop.py [FOLDER OF THE RELEASE BUILD]

Both programs are built by: cargo build --release -p wakehub-desktop --features custom-protocol --bins --examples
The homelab that is watched: cargo build -p wakehub-cli -p wakehub-lab (it is not measured, so not optimised)
OPENS is how often the window is opened and closed to see whether something stays of it (20; 100 to be sure).
Memory is measured on a second start (a first one fills caches), against an empty Tauri tray program in the same run."""
import json
import os
import signal
import statistics
import subprocess
import sys
import time

import dbus
import dbus.service
import gi
from dbus.mainloop.glib import DBusGMainLoop

gi.require_version('Gdk', '3.0')
from gi.repository import Gdk, GLib  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'desktop'))
import homelab  # noqa: E402
import watcher  # noqa: E402

TARGET = os.environ.get('CARGO_TARGET_DIR', os.path.join(HERE, '..', '..', 'target'))
BUILD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(TARGET, 'release')
EMPTY = [os.path.join(BUILD, 'examples', 'empty_tray')]
DATA = os.path.join(os.environ['DESK'], 'wakehub')
OURS = [os.path.join(BUILD, 'wakehub-desktop'), '--data-dir', DATA]
TOOLS = os.path.join(BUILD, '..', 'debug')
RUNS = int(os.environ.get('RUNS', '7'))
OPENS = int(os.environ.get('OPENS', '20'))
CPU_SECONDS = int(os.environ.get('CPU_SECONDS', '60'))
MIB = 1024  # /proc counts in KiB

DBusGMainLoop(set_as_default=True)
SESSION = dbus.SessionBus()
CONTEXT = GLib.MainContext.default()


class Tray(watcher.Watcher):
    """Remembers when an icon arrived."""
    arrived = None

    @dbus.service.method(watcher.NAME, in_signature='s', sender_keyword='sender')
    def RegisterStatusNotifierItem(self, item, sender=None):
        self.arrived = time.monotonic()
        # As the inherited one, but silent: standard output has the figures.
        self.items[sender + item if item.startswith('/') else item + '/StatusNotifierItem'] = sender

    def owner_changed(self, name, old, new):
        self.items = {key: sender for key, sender in self.items.items() if sender != name or new}


def turn(until, seconds=30):
    """Runs the main loop until there is an answer."""
    deadline = time.monotonic() + seconds
    while True:
        while CONTEXT.pending():
            CONTEXT.iteration(False)
        answer = until()
        if answer:
            return answer
        if time.monotonic() > deadline:
            sys.exit(f'waited in vain for {until.__name__}')
        time.sleep(.001)


def settle(seconds):
    began = time.monotonic()
    turn(lambda: time.monotonic() - began >= seconds, seconds + 10)


class Program:
    def __init__(self, tray, command):
        tray.arrived = None
        self.log = open(os.path.join(os.environ['DESK'], 'bench.err'), 'a')
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.log)

    def family(self):
        found, rows = [self.process.pid], []
        for entry in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{entry}/stat') as stat:
                    name, rest = stat.read().rsplit(')', 1)
                rows.append((int(entry), int(rest.split()[1]), name.split('(', 1)[1]))
            except OSError:
                pass
        for parent in found:
            found += [pid for pid, of, _ in rows if of == parent and pid not in found]
        names = {pid: name for pid, _, name in rows}
        return {pid: names.get(pid, '?') for pid in found}

    def memory(self):
        """PSS and private dirty of the whole family, in MiB."""
        pss = dirty = 0
        for pid in self.family():
            try:
                with open(f'/proc/{pid}/smaps_rollup') as rollup:
                    for line in rollup:
                        if line.startswith('Pss:'):
                            pss += int(line.split()[1])
                        elif line.startswith('Private_Dirty:'):
                            dirty += int(line.split()[1])
            except OSError:
                pass
        return round(pss / MIB, 1), round(dirty / MIB, 1)

    def own_memory(self):
        """PSS and private dirty of the program itself, without the web view's processes, in KiB."""
        with open(f'/proc/{self.process.pid}/smaps_rollup') as rollup:
            fields = dict(line.split()[:2] for line in rollup if line.startswith(('Pss:', 'Private_Dirty:')))
        return int(fields['Pss:']), int(fields['Private_Dirty:'])

    def cpu(self, seconds):
        """Per cent of a core."""
        def ticks():
            total = 0
            for pid in self.family():
                with open(f'/proc/{pid}/stat') as stat:
                    fields = stat.read().rsplit(')', 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            return total
        before = ticks()
        settle(seconds)
        return round((ticks() - before) / os.sysconf('SC_CLK_TCK') / seconds * 100, 3)

    def web_processes(self):
        return [name for name in self.family().values() if name.startswith('WebKit')]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def tray_time(tray, command):
    def once():
        program = Program(tray, command)
        turn(lambda: tray.arrived)
        took = tray.arrived - program.began
        program.end()
        return took * 1000
    return [once() for _ in range(RUNS)]


ROOT = Gdk.get_default_root_window()


def windows():
    out = subprocess.run(['xdotool', 'search', '--onlyvisible', '--name', '^WakeHub$'], capture_output=True, text=True)
    return out.stdout.split()


def painted():
    """Whether the page covers most of the screen: neither the empty screen's black nor a blank window."""
    picture = Gdk.pixbuf_get_from_window(ROOT, 300, 200, 600, 400)
    data, stride, channels = picture.get_pixels(), picture.get_rowstride(), picture.get_n_channels()
    colours = set()
    for y in range(0, 400, 20):
        for x in range(0, 600, 10):
            at = y * stride + x * channels
            colours.add(data[at:at + 3])
    # A blank window or a bare screen is one colour; a page has text on it, so at least its shades.
    return len(colours) > 2


def paint_time(tray, command):
    def once():
        turn(lambda: not painted())
        program = Program(tray, command + ['--show'])
        turn(painted)
        took = (time.monotonic() - program.began) * 1000
        program.end()
        return took
    return [once() for _ in range(RUNS)]


def click(label):
    # It asks our own watcher, whose main loop must go on meanwhile.
    clicking = subprocess.Popen([os.path.join(HERE, '..', 'desktop', 'tray.py'), 'click', label])
    turn(lambda: clicking.poll() is not None)
    if clicking.returncode:
        sys.exit(f'{label!r} could not be clicked')


def close_window():
    number = turn(windows)[0]
    subprocess.run(['xdotool', 'windowactivate', '--sync', number, 'key', '--clearmodifiers', 'alt+F4'], check=True)
    turn(lambda: not windows())


def main():
    name = dbus.service.BusName(watcher.NAME, SESSION, do_not_queue=True)
    tray = Tray(SESSION)
    figures = {}

    def report(name, value):
        figures[name] = value
        print(f'{name}: {value}', flush=True)

    def milliseconds(name, values):
        report(name, {'median': round(statistics.median(values)), 'worst': round(max(values))})

    tray_time(tray, EMPTY)
    milliseconds('empty: start to tray, ms', tray_time(tray, EMPTY))
    milliseconds('wakehub: start to tray, ms', tray_time(tray, OURS + ['--hidden']))
    milliseconds('empty: start to first paint of a line of text, ms', paint_time(tray, EMPTY))
    milliseconds('wakehub: start to first paint, ms', paint_time(tray, OURS))

    program = Program(tray, EMPTY)
    turn(lambda: tray.arrived)
    settle(8)
    empty_pss, empty_dirty = program.memory()
    report('empty: tray only, MiB', {'pss': empty_pss, 'private_dirty': empty_dirty})
    program.end()

    program = Program(tray, OURS + ['--hidden'])
    turn(lambda: tray.arrived)
    settle(8)
    pss, dirty = program.memory()
    report('wakehub: tray only, MiB', {'pss': pss, 'private_dirty': dirty, 'pss_over_empty': round(pss - empty_pss, 1)})
    report(f'wakehub: tray only, % of a core over {CPU_SECONDS} s', program.cpu(CPU_SECONDS))
    lazily = []
    for number in range(1, 4):
        turn(lambda: not painted())
        began = time.monotonic()
        click('Open WakeHub')
        turn(painted)
        lazily.append((time.monotonic() - began) * 1000)
        if number == 1:
            settle(5)
            report('wakehub: window open, MiB', dict(zip(('pss', 'private_dirty'), program.memory())))
        close_window()
        turn(lambda: not program.web_processes(), 60)
        settle(5)
        closed_pss, closed_dirty = program.memory()
        report(f'wakehub: window closed, time {number}, MiB', {
            'pss': closed_pss, 'private_dirty': closed_dirty,
            'private_dirty_over_tray_only': round(closed_dirty - dirty, 1), 'web_processes': program.web_processes()})
    milliseconds('wakehub: Open in the tray menu to first paint (with the click, some 100 ms), ms', lazily)
    program.end()
    open_again_and_again(tray, report)
    watch_homelab(tray, report)
    print(json.dumps(figures))


def open_again_and_again(tray, report):
    """Whether something stays of each window: the memory of the program itself after so many opens and closes."""
    program = Program(tray, OURS + ['--hidden'])
    turn(lambda: tray.arrived)
    kept = {}
    for number in range(1, OPENS + 1):
        turn(lambda: not painted())
        click('Open WakeHub')
        turn(painted)
        close_window()
        if number in (5, 10, 20, 50, 100) or number == OPENS:
            # Its memory is given back when nobody has opened it for a while.
            turn(lambda: not program.web_processes(), 60)
            settle(3)
            kept[number] = program.own_memory()
            report(f'wakehub: itself after {number} opens, KiB', dict(zip(('pss', 'private_dirty'), kept[number])))
    program.end()
    # What is made once and stays is there after the first few.
    if len(kept) > 1:
        (first, before), *_, (last, after) = kept.items()
        report(f'wakehub: itself, more for each open from {first} to {last}, KiB', {
            name: round((after[at] - before[at]) / (last - first), 1) for at, name in enumerate(('pss', 'private_dirty'))})


def watch_homelab(tray, report):
    """What it takes to keep an eye on the reference homelab while all of it runs."""
    reason = homelab.missing(TOOLS)
    if reason:
        print(f'SKIPPED: the reference homelab: {reason}', flush=True)
        return
    data = os.path.join(os.environ['DESK'], 'watching')
    with homelab.running(TOOLS, data):
        program = Program(tray, [OURS[0], '--data-dir', data, '--hidden'])
        turn(lambda: tray.arrived)
        settle(30)
        report(f'wakehub: homelab running, % of a core over {CPU_SECONDS} s', program.cpu(CPU_SECONDS))
        report('wakehub: homelab running, MiB', dict(zip(('pss', 'private_dirty'), program.memory())))
        program.end()


if __name__ == '__main__':
    main()
