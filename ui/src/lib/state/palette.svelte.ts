class Palette {
  isOpen = $state(false);
}

export const palette = new Palette();
