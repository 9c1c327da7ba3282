/**
 * The layout in which this version stores sales, waiting rooms and consumer groups. Each of them
 * carries the number it was stored with, and no command reads or changes what carries another:
 * what was stored before there were numbers has layout 0.
 */
export const LAYOUT = 1
