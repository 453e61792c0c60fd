#!/usr/bin/python3
"""Reads and clicks the menu of the first icon in the tray, over D-Bus as a panel does.

tray.py menu [--wait LABEL]      prints the menu as JSON: [{"label", "enabled", "items"}]; separators have the label "--"
tray.py click LABEL [LABEL]      chooses the item, or of the submenu with the first label the item with the second
tray.py icon                     prints the icon's file
A label may be given by its beginning and an asterisk: "lxc-jellyfin: step*"."""
import json
import sys
import time

import dbus

WATCHER = 'org.kde.StatusNotifierWatcher'
ITEM = 'org.kde.StatusNotifierItem'
PROPERTIES = 'org.freedesktop.DBus.Properties'
PATIENCE = 30


def eventually(what, ask):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = ask()
        except dbus.DBusException:
            answer = None
        if answer:
            return answer
        if time.monotonic() > deadline:
            sys.exit(f'tray.py: {what}')
        time.sleep(.05)


def first_item(bus):
    watcher = bus.get_object(WATCHER, '/StatusNotifierWatcher')
    items = dbus.Interface(watcher, PROPERTIES).Get(WATCHER, 'RegisteredStatusNotifierItems')
    if items:
        service, path = str(items[0]).split('/', 1)
        return service, '/' + path


def line(node):
    number, properties, children = node
    separator = properties.get('type') == 'separator'
    return {
        'id': int(number),
        'label': '--' if separator else str(properties.get('label', '')).replace('__', '_'),
        'enabled': bool(properties.get('enabled', True)),
        'items': [line(child) for child in children],
    }


def matches(label, wanted):
    return label.startswith(wanted[:-1]) if wanted.endswith('*') else label == wanted


def find(lines, wanted):
    return next((entry for entry in lines if matches(entry['label'], wanted)), None)


def main(arguments):
    bus = dbus.SessionBus()
    service, path = eventually('no icon in the tray', lambda: first_item(bus))
    item = dbus.Interface(bus.get_object(service, path), PROPERTIES)
    if arguments[:1] == ['icon']:
        print(item.Get(ITEM, 'IconName'))
        return
    menu = dbus.Interface(bus.get_object(service, item.Get(ITEM, 'Menu')), 'com.canonical.dbusmenu')

    def lines():
        return line(menu.GetLayout(0, -1, dbus.Array([], signature='s'))[1])['items']

    if arguments[:1] == ['menu']:
        shown = lines()
        if arguments[1:2] == ['--wait']:
            wanted = arguments[2]
            shown = eventually(f'no {wanted!r} in the menu', lambda: (lambda now: find(now, wanted) and now)(lines()))
        print(json.dumps(shown, ensure_ascii=False))
    elif arguments[:1] == ['click'] and len(arguments) > 1:
        def target():
            entries, found = lines(), None
            for wanted in arguments[1:]:
                found = find(entries, wanted)
                if not found or not found['enabled']:
                    return None
                entries = found['items']
            return found
        found = eventually(f'nothing to click: {arguments[1:]}', target)
        menu.Event(dbus.Int32(found['id']), 'clicked', dbus.Int32(0, variant_level=1), dbus.UInt32(0))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
