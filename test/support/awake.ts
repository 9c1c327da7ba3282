/** Whoever does not get a turn for longer than this was not awake. ms */
const MOST = 100
/** Often enough that a gap is no more than the machine's. ms */
const BEAT_MS = 20

let awake = 0
let last = performance.now()

/**
 * ms on a clock that stands still while this process gets no turn: what a promise is held to. On a
 * machine that others keep busy nothing in this process is late because nobody could look at it.
 */
export function awakeMs(): number {
  const now = performance.now()
  awake += Math.min(now - last, MOST)
  last = now
  return awake
}

setInterval(awakeMs, BEAT_MS).unref()
