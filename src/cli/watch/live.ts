import type { Input, Surroundings } from '../command.js'
import { Screen } from '../screen.js'
import { safe } from '../terminal/safe.js'
import { type Reading, remediesOf } from './reading.js'
import { lineOf, viewOf } from './view.js'

const EVERY_MS = 1_000
/** A terminal that sends single keys makes no signal of Ctrl-C, and no end of input of Ctrl-D. */
const CTRL_C = '\x03'
const QUITS = ['q', 'Q', '\x04']

/** A terminal as a stream of Node tells of its size. */
interface Resizing {
  readonly columns?: number
  readonly rows?: number
  on?(event: 'resize', listener: () => void): unknown
  off?(event: 'resize', listener: () => void): unknown
}

/** How the view is read, and when. */
export interface Watching {
  readonly read: () => Promise<Reading>
  /** How often it is read; `undefined`: until the operator quits. */
  readonly times: number | undefined
  /** Resolves after `ms`, or when the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/**
 * Shows one reading a second: on a terminal as a view that is redrawn in place, and else a line for
 * each. A reading that fails is told, and the next one is tried; the first one has to succeed.
 *
 * @returns Whether a signal or Ctrl-C has ended it.
 */
export async function showLive(
  { read, times = Number.POSITIVE_INFINITY, pause }: Watching,
  { output, env, input }: Surroundings,
): Promise<boolean> {
  const screen = new Screen(output, env)
  const terminal = output as typeof output & Resizing
  const quit = new AbortController()
  let reading = await read()
  let trouble: string | undefined
  /** What a line has told already to do about the present state. */
  let told: readonly string[] = []
  const draw = () => {
    const size = {
      columns: Math.max(20, (terminal.columns ?? 80) - 1),
      rows: Math.max(4, (terminal.rows ?? 24) - 1),
    }
    const lines = viewOf(reading, size, screen.paint, trouble)
    // In one write and each line over the old one, so that nothing flickers.
    output.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`)
  }
  const show = () => {
    if (screen.live) draw()
    else if (trouble !== undefined) screen.line(safe(trouble))
    else {
      screen.line(lineOf(reading))
      const remedies = remediesOf(reading)
      for (const remedy of remedies) if (!told.includes(remedy)) screen.line(safe(remedy))
      told = remedies
    }
  }
  let isInterrupted = false
  const onSignal = () => {
    isInterrupted = true
    quit.abort()
  }
  const onKeys = (keys: string) => {
    if (keys.includes(CTRL_C)) onSignal()
    else if (QUITS.some((key) => keys.includes(key))) quit.abort()
  }
  const release = screen.live ? takeOver(terminal, output, input, draw, onKeys) : () => {}
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  try {
    for (let i = 1; ; i++) {
      show()
      if (i >= times) return false
      await pause(EVERY_MS, quit.signal)
      if (quit.signal.aborted) return isInterrupted
      try {
        reading = await read()
        trouble = undefined
      } catch (error) {
        trouble = `not read since ${new Date(reading.at).toLocaleTimeString('en-GB')}: ${(error as Error).message}`
      }
      if (quit.signal.aborted) return isInterrupted
    }
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    release()
  }
}

/** Takes the whole screen and the keyboard. Returns a function that gives them back. */
function takeOver(
  terminal: Resizing,
  output: Surroundings['output'],
  input: Input | undefined,
  draw: () => void,
  onKeys: (keys: string) => void,
): () => void {
  const restore = () => void output.write('\x1b[?25h\x1b[?1049l')
  const onData = (keys: Buffer | string) => onKeys(String(keys))
  const onResize = () => {
    output.write('\x1b[2J')
    draw()
  }
  output.write('\x1b[?1049h\x1b[?25l\x1b[2J')
  // However the process ends, the terminal is as it was.
  process.once('exit', restore)
  terminal.on?.('resize', onResize)
  if (input?.isTTY) {
    input.setRawMode?.(true)
    input.on('data', onData)
    input.resume()
  }
  return () => {
    terminal.off?.('resize', onResize)
    if (input?.isTTY) {
      input.off('data', onData)
      input.setRawMode?.(false)
      input.pause()
    }
    process.off('exit', restore)
    restore()
  }
}
