/**
 * The layout in which this version stores sales, waiting rooms and consumer groups. Each of them is
 * stored with the number of its layout, and no command reads or changes data of another layout.
 * Data stored before layouts had numbers has layout 0.
 */
export const LAYOUT = 2
