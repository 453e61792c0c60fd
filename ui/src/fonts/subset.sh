#!/bin/sh
# Makes inter.woff2 from Inter 4 (npm: inter-ui): what English and French are written with, the weights in use (400 to 700), both
# optical sizes, and the features that tokens.css names. Other Latin letters come from @fontsource-variable/inter on demand, other
# scripts from the system. Needs fonttools and brotli (pip). Run it in this folder.
set -e
full=../../../node_modules/inter-ui/variable/InterVariable.woff2
letters=U+0020-007E,U+00A0-00FF,U+0131,U+0152-0153,U+0178,U+02BC,U+02C6,U+02DA,U+02DC,U+0300-0304,U+0308,U+0327
signs=U+2009-200D,U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+202F,U+2030,U+2032-2033,U+2039-203A,U+2044,U+20AC,U+2122,U+2190-2193,U+2212,U+2215,U+2264-2265,U+FEFF,U+FFFD
part=$(mktemp --suffix=.ttf)
trap 'rm -f "$part"' EXIT
fonttools varLib.instancer "$full" wght=400:700 -o "$part"
pyftsubset "$part" --unicodes="$letters,$signs" --layout-features=ccmp,calt,locl,kern,mark,mkmk,tnum,ss02,ss03 --flavor=woff2 --output-file=inter.woff2
