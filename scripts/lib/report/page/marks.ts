/**
 * How the lines of a chart are told apart: by dashes and markers as well as by colour. Shared by
 * legend and plot.
 */
export interface Mark {
  /** A CSS variable, as light and dark pages need different colours. */
  readonly colour: string
  /** Lengths of strokes and gaps in pixels; empty for a solid line. */
  readonly dash: readonly number[]
  /** The marker as an SVG path around 0,0. */
  readonly marker: string
}

const COLOURS = 6
// Neither as many as there are colours nor as there are markers: so 30 lines pass before two look
// alike.
const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3], [5, 2, 1, 2, 1, 2]]
const MARKERS = [
  'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z',
  'M-3.5 -3.5H3.5V3.5H-3.5Z',
  'M0 -4.5L4.5 3.5H-4.5Z',
  'M0 -5L5 0L0 5L-5 0Z',
  'M0 4.5L4.5 -3.5H-4.5Z',
  'M-4.5 -1.5H-1.5V-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5Z',
]

export function markOf(index: number): Mark {
  return {
    colour: `--series-${(index % COLOURS) + 1}`,
    dash: DASHES[index % DASHES.length]!,
    marker: MARKERS[index % MARKERS.length]!,
  }
}
