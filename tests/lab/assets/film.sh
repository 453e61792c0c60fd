#!/bin/sh
# What a web server of the lab runs for /cgi-bin/film: goes on until nobody looks any longer.
printf 'Content-Type: video/mp4\r\n\r\n'
while dd if=/dev/zero bs=16384 count=1 2>/dev/null; do sleep 0.1; done
