#!/bin/sh
# Renders the PNG, ICO and ICNS files from the SVG drawings. Needs rsvg-convert (librsvg2-bin) and the Tauri CLI.
set -eu
cd "$(dirname "$0")"
for icon in well working attention; do
  rsvg-convert -w 64 -h 64 "tray/$icon.svg" -o "tray/$icon.png"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rsvg-convert -w 1024 -h 1024 icon.svg -o "$work/icon.png"
npx --yes @tauri-apps/cli@2.12.5 icon "$work/icon.png" --output "$work/out"
for file in 32x32.png 128x128.png 128x128@2x.png icon.icns icon.ico; do
  cp "$work/out/$file" .
done
