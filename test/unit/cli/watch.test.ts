import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import type { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { plain } from '../../../src/cli/terminal/style.js'
import { columnsOf } from '../../../src/cli/terminal/width.js'
import { showLive } from '../../../src/cli/watch/live.js'
import { type Reading, Watcher } from '../../../src/cli/watch/reading.js'
import { lineOf, viewOf } from '../../../src/cli/watch/view.js'
import { FlashSale, memoryEngine, StockholdError, WaitingRoom } from '../../../src/index.js'
import { operating } from '../../support/operations.js'

const INFO = 'used_memory:1000000\r\nmaxmemory:0\r\ntotal_system_memory:8000000\r\n'
const client = { isCluster: false, info: async () => INFO } as unknown as Redis

/** A sale with a waiting room, and what watches it on a clock of the test's. */
async function stage(stock: Record<string, number> = { mango: 100, papaya: 4 }) {
  const engine = memoryEngine()
  const patient = { engine, deadlineMs: 60_000 }
  const sale = new FlashSale('launch', patient)
  const pace = { ...patient, secret: 's'.repeat(32), ratePerSecond: 5 }
  const room = new WaitingRoom('door', { ...pace, sale })
  const other = new WaitingRoom('other', pace)
  onTestFinished(async () => {
    await room.close()
    await other.close()
    await sale.close()
  })
  await sale.create({ stock })
  await room.create()
  await other.create()
  let now = Date.UTC(2026, 10, 11, 12)
  const operations = operating(engine)
  const watch = (target: string) => new Watcher(operations, client, target, () => now)
  const take = async (sku: string, quantity: number) => {
    const held = await sale.reserve({ buyer: `${sku} ${now}`, items: [{ sku, quantity }] })
    expect(held.status).toBe('reserved')
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { sale, room, watch, take, pass }
}

describe('a sale or a waiting room that Redis has lost', () => {
  const problem = { code: 'STATE_LOST', message: 'the sale "launch" has lost its state' } as const
  const nothing = { skus: null, rules: null, groups: null }
  const lost = { kind: 'sale', id: 'launch', state: 'lost', problem, ...nothing } as const
  const door = { kind: 'room', id: 'door', state: 'lost', problem, sale: 'launch', stats: null } as const
  const memory = { used: 1, limit: 2 }
  const reading = (sale: Reading['sale'], rooms: Reading['rooms'] = []): Reading => ({
    ...{ at: 0, sale, skus: [], groups: [], rooms, memory },
  })
  const open: Reading['sale'] = { ...lost, state: 'open', problem: null }

  /** What is printed without a terminal, without the lines of the readings themselves. */
  async function adviceOn(readings: readonly Reading[]): Promise<string[]> {
    const lines: string[] = []
    const left = [...readings]
    const read = async () => left.shift()!
    const surroundings = {
      output: { write: (text: string) => lines.push(text) },
      errors: { write() {} },
      env: {},
    }
    await showLive({ read, times: readings.length, pause: async () => {} }, surroundings)
    return lines.filter((line) => !/^\d\d:\d\d:\d\d; /.test(line))
  }

  test('is told once, with the command that resolves it, and again if it is lost again', async () => {
    const told = 'Recover it: npx stockhold recover launch --wait-for N, where N processes sell, and'
    const all = [open, lost, lost, open, lost].map((sale) => reading(sale))
    expect(await adviceOn(all)).toEqual([expect.stringContaining(told), expect.stringContaining(told)])
    const rooms = [{ ...door, admittedPerSecond: 0 }]
    expect(await adviceOn([reading(open, rooms)])).toEqual([
      expect.stringContaining('A waiting room cannot be recovered: '),
    ])
    expect(await adviceOn([reading(open)])).toEqual([])
  })

  test.each([40, 80])('on a terminal of %i columns the command is shown whole', (columns) => {
    const lines = viewOf(reading(lost), { columns, rows: 24 }, plain)
    expect(lines.join(' ')).toContain('npx stockhold recover launch --wait-for N, where N processes sell')
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns)
  })
})

describe('a reading', () => {
  test('has the slope of each SKU, and when it is sold out', async () => {
    const { watch, take, pass } = await stage()
    const watcher = watch('sale:launch')
    expect((await watcher.read()).skus).toMatchObject([
      { sku: 'mango', available: 100, perSecond: 0, soldOutInMs: null, taken: [] },
      { sku: 'papaya' },
    ])
    for (const quantity of [10, 30]) {
      pass(1_000)
      await take('mango', quantity)
      await watcher.read()
    }
    pass(2_000)
    const { skus, rooms, memory, sale } = await watcher.read()
    expect(skus[0]).toMatchObject({
      available: 60,
      held: 40,
      perSecond: 10,
      soldOutInMs: 6_000,
      taken: [10, 30, 0],
    })
    expect(skus[1]).toMatchObject({ perSecond: 0, soldOutInMs: null })
    expect(rooms.map(({ id }) => id)).toEqual(['door'])
    expect(sale).toMatchObject({ id: 'launch', state: 'open' })
    expect(memory).toEqual({ used: 1_000_000, limit: 8_000_000 })
  })

  test('looks back over half a minute', async () => {
    const { watch, take, pass } = await stage()
    const watcher = watch('sale:launch')
    await watcher.read()
    await take('mango', 50)
    for (let i = 0; i < 31; i++) {
      pass(1_000)
      await watcher.read()
    }
    expect((await watcher.read()).skus[0]).toMatchObject({ perSecond: 0, soldOutInMs: null })
  })

  test('of a waiting room is with its sale, and has the rate that was achieved', async () => {
    const { room, watch, pass } = await stage()
    const watcher = watch('room:door')
    await watcher.read()
    const joined = await room.join('ann')
    if (joined.status !== 'joined') expect.fail(joined.status)
    await expect.poll(() => room.poll(joined.ticket)).toMatchObject({ status: 'admitted' })
    pass(2_000)
    const reading = await watcher.read()
    expect(reading.rooms).toMatchObject([{ id: 'door', admittedPerSecond: 0.5 }])
    expect(reading.sale).toMatchObject({ id: 'launch' })
  })
})

const hostile = '\u001b]0;owned\u0007芒果'
async function reading(skus = 3): Promise<Reading> {
  const { watch, take, pass } = await stage({
    ...Object.fromEntries(Array.from({ length: skus - 1 }, (_, i) => [`sku ${i}`, 10_000])),
    [hostile]: 50,
  })
  const watcher = watch('sale:launch')
  await watcher.read()
  pass(1_000)
  await take(hostile, 5)
  return watcher.read()
}

describe('the view', () => {
  test.each([
    [110, 30],
    [64, 18],
    [38, 12],
    [20, 5],
  ])('is no larger than %i columns and %i rows', async (columns, rows) => {
    const lines = viewOf(await reading(), { columns, rows }, plain)
    expect(lines.length).toBeLessThanOrEqual(rows)
    for (const line of lines) expect(columnsOf(line), line).toBeLessThanOrEqual(columns)
    expect(lines[0]).toContain('sale launch: open')
  })

  test('shows units, slope, queue and memory, and no name raw', async () => {
    const text = viewOf(await reading(), { columns: 110, rows: 30 }, plain).join('\n')
    expect(text).toMatch(/^\\u001b\]0;owned\\u0007芒果 +45 +█+▊?░+ +5 +0 +-5\.0 +9 s +█/m)
    expect(text).toMatch(/^room door: open +waiting 0 +rate 5\/s, 0\/s achieved/m)
    expect(text).toContain('memory 1 MB of 8 MB, 13 %')
    expect(lineOf(await reading())).toMatch(
      /launch open; .*owned\\u0007芒果 45\/50 -5\.0\/s; .*room door open 0 waiting, 0\/s of 5\/s/,
    )
  })

  test('with more SKUs than rows shows those that sell fastest', async () => {
    const lines = viewOf(await reading(40), { columns: 100, rows: 12 }, plain)
    expect(lines.some((line) => line.includes('芒果'))).toBe(true)
    expect(lines.some((line) => /^and 3\d more SKUs$/.test(line))).toBe(true)
  })
})

/** A terminal that keeps what is written. */
function terminal(columns = 80) {
  let text = ''
  const output = Object.assign(new EventEmitter(), {
    ...{ isTTY: true, columns, rows: 20 },
    write: (more: string) => (text += more),
  })
  const modes: boolean[] = []
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (raw: boolean) => modes.push(raw),
  })
  const taken = () => {
    const written = text
    text = ''
    return written
  }
  return { output, errors: output, env: {}, input, modes, taken }
}

describe('the live view', () => {
  test.each([
    ['q', false],
    ['\u0004', false],
    ['\u0003', true],
  ])('takes the screen until %j is pressed, and gives it back', async (key, isInterrupt) => {
    const shown = await reading()
    const { modes, taken, ...around } = terminal()
    const pause = async () => {
      around.input.write(key)
      await new Promise(setImmediate)
    }
    const isInterrupted = await showLive({ read: async () => shown, times: undefined, pause }, around)
    expect(isInterrupted).toBe(isInterrupt)
    const text = taken()
    expect(text.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true)
    expect(text.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
    expect(text.match(/sale launch/g)).toHaveLength(1)
    expect(modes).toEqual([true, false])
    expect([around.output.listenerCount('resize'), around.input.listenerCount('data')]).toEqual([0, 0])
  })

  test('is drawn again when the terminal is resized', async () => {
    const shown = await reading()
    const { taken, ...around } = terminal()
    let redrawn: string[] = []
    const pause = async () => {
      taken()
      around.output.columns = 40
      around.output.emit('resize')
      redrawn = stripVTControlCharacters(taken()).split('\n')
    }
    await showLive({ read: async () => shown, times: 2, pause }, around)
    expect(redrawn).toEqual(viewOf(shown, { columns: 39, rows: 19 }, plain))
  })

  test('a reading that fails is told with its time, and the next one replaces it', async () => {
    const shown = await reading()
    const { taken, ...around } = terminal(200)
    const screens: string[] = []
    let reads = 0
    const read = async () => {
      if (++reads === 2) throw new StockholdError('UNAVAILABLE', 'Redis is \u001b[2Jaway')
      return shown
    }
    const pause = async () => void screens.push(taken())
    await showLive({ read, times: 3, pause }, around)
    screens.push(taken())
    expect(screens[0]).not.toContain('away')
    expect(screens[1]).toMatch(/not read since \d\d:\d\d:\d\d: Redis is \\u001b\[2Jaway/)
    expect(screens[1]).toContain('sale launch')
    expect(screens[2]).not.toContain('away')
  })

  test('without a terminal it is a line for each reading', async () => {
    const shown = await reading()
    let text = ''
    const output = { write: (more: string) => (text += more) }
    await showLive(
      { read: async () => shown, times: 3, pause: async () => {} },
      { output, errors: output, env: {} },
    )
    expect(text).toBe(`${lineOf(shown)}\n`.repeat(3))
  })

  test('a signal ends it, and the caller hears that it was one', async () => {
    const shown = await reading()
    const output = { write: () => true }
    const others = new Set(process.rawListeners('SIGINT'))
    const interrupt = async () => {
      for (const listener of process.rawListeners('SIGINT')) if (!others.has(listener)) listener('SIGINT')
    }
    const show = (times: number | undefined, pause: () => Promise<void>) =>
      showLive({ read: async () => shown, times, pause }, { output, errors: output, env: {} })
    expect(await show(undefined, interrupt)).toBe(true)
    expect(await show(1, interrupt)).toBe(false)
    expect(new Set(process.rawListeners('SIGINT'))).toEqual(others)
  })
})
