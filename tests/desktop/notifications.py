#!/usr/bin/python3
"""notifications.py LOG [KEY [DELAY_MS]]: a notification service that writes a JSON line per event to LOG.

With KEY it presses the button of that name on every notification that has it, after DELAY_MS (0: before the call has even
returned). CAPABILITIES in the environment is a comma-separated list; "body,actions" unless set. On standard input it takes
lines "press ID KEY" and "close ID", as a user would."""
import json
import os
import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = 'org.freedesktop.Notifications'
CAPABILITIES = os.environ.get('CAPABILITIES', 'body,actions').split(',')


class Notifications(dbus.service.Object):
    def __init__(self, bus, log, key, delay):
        super().__init__(bus, '/org/freedesktop/Notifications')
        self.log, self.key, self.delay, self.last = open(log, 'a'), key, delay, 0

    def tell(self, **event):
        print(json.dumps(event, ensure_ascii=False), file=self.log, flush=True)

    def press(self, number, key):
        self.ActionInvoked(number, key)
        self.NotificationClosed(number, 2)
        return False

    @dbus.service.method(NAME, in_signature='susssasa{sv}i', out_signature='u')
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout):
        self.last += 0 if replaces else 1
        number = dbus.UInt32(replaces or self.last)
        keys = [str(action) for action in actions]
        self.tell(event='notify', id=int(number), replaces=int(replaces), app=str(app), title=str(summary),
                  body=str(body), actions=dict(zip(keys[::2], keys[1::2])), timeout=int(timeout))
        if self.key in keys[::2]:
            if self.delay:
                GLib.timeout_add(self.delay, self.press, number, self.key)
            else:
                self.press(number, self.key)
        return number

    @dbus.service.method(NAME, in_signature='u')
    def CloseNotification(self, number):
        self.tell(event='close', id=int(number))
        self.NotificationClosed(number, 3)

    @dbus.service.method(NAME, out_signature='as')
    def GetCapabilities(self):
        return dbus.Array(CAPABILITIES, signature='s')

    @dbus.service.method(NAME, out_signature='ssss')
    def GetServerInformation(self):
        return 'notifications.py', 'WakeHub', '1', '1.2'

    @dbus.service.signal(NAME, signature='us')
    def ActionInvoked(self, number, key):
        pass

    @dbus.service.signal(NAME, signature='uu')
    def NotificationClosed(self, number, reason):
        pass

    def hear(self, source, condition):
        words = source.readline().split()
        if words[:1] == ['press']:
            self.press(dbus.UInt32(int(words[1])), words[2])
        elif words[:1] == ['close']:
            self.NotificationClosed(dbus.UInt32(int(words[1])), 2)
        return bool(words)


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    DBusGMainLoop(set_as_default=True)
    session = dbus.SessionBus()
    name = dbus.service.BusName(NAME, session, do_not_queue=True)
    key = sys.argv[2] if len(sys.argv) > 2 else None
    service = Notifications(session, sys.argv[1], key, int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, service.hear)
    print('notifications up', flush=True)
    GLib.MainLoop().run()
