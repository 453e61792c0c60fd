#!/usr/bin/python3
"""watcher.py: shows tray icons, as far as programs can tell (org.kde.StatusNotifierWatcher). Prints a line per event."""
import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = 'org.kde.StatusNotifierWatcher'
PROPERTIES = 'org.freedesktop.DBus.Properties'


class Watcher(dbus.service.Object):
    def __init__(self, bus):
        super().__init__(bus, '/StatusNotifierWatcher')
        self.items = {}
        bus.add_signal_receiver(self.owner_changed, 'NameOwnerChanged', 'org.freedesktop.DBus')

    @dbus.service.method(NAME, in_signature='s', sender_keyword='sender')
    def RegisterStatusNotifierItem(self, item, sender=None):
        key = sender + item if item.startswith('/') else item + '/StatusNotifierItem'
        self.items[key] = sender
        print('registered', key, flush=True)
        self.StatusNotifierItemRegistered(key)

    @dbus.service.method(NAME, in_signature='s')
    def RegisterStatusNotifierHost(self, host):
        self.StatusNotifierHostRegistered()

    @dbus.service.signal(NAME, signature='s')
    def StatusNotifierItemRegistered(self, item):
        pass

    @dbus.service.signal(NAME, signature='s')
    def StatusNotifierItemUnregistered(self, item):
        pass

    @dbus.service.signal(NAME)
    def StatusNotifierHostRegistered(self):
        pass

    @dbus.service.method(PROPERTIES, in_signature='ss', out_signature='v')
    def Get(self, interface, name):
        return self.GetAll(interface)[name]

    @dbus.service.method(PROPERTIES, in_signature='s', out_signature='a{sv}')
    def GetAll(self, interface):
        return dbus.Dictionary({
            'RegisteredStatusNotifierItems': dbus.Array(list(self.items), signature='s'),
            'IsStatusNotifierHostRegistered': True,
            'ProtocolVersion': dbus.Int32(0),
        }, signature='sv')

    def owner_changed(self, name, old, new):
        for key in [key for key, sender in self.items.items() if sender == name and not new]:
            del self.items[key]
            print('unregistered', key, flush=True)
            self.StatusNotifierItemUnregistered(key)


if __name__ == '__main__':
    DBusGMainLoop(set_as_default=True)
    session = dbus.SessionBus()
    name = dbus.service.BusName(NAME, session, do_not_queue=True)
    watcher = Watcher(session)
    print('watcher up', flush=True)
    GLib.MainLoop().run()
