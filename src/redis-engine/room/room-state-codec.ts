import type {
  DepartedChunk,
  RoomState,
  StockReading,
  TierState,
  Visit,
  VisitAnswer,
} from '../../engine/room.js'
import { Reader, type Writer } from '../msgpack.js'

const STOCK_STATES = ['none', 'open', 'closed', 'sold_out', 'ended'] as const

export function writeStock(stock: StockReading | null, to: Writer): void {
  to.array(stock ? 3 : 0)
  if (!stock) return
  to.integer(stock.at)
  to.integer(STOCK_STATES.indexOf(stock.state))
  to.integer(stock.available)
}

/** The names as the rules have them: none in a room without tiers. */
export function readTiers(names: unknown): string[] {
  return (names as readonly unknown[]).map(String).filter((name) => name !== '')
}

export function readState(
  packed: Reader,
  names: readonly string[],
): Omit<RoomState, 'status' | 'seed' | 'turns' | 'gone' | 'revoked'> {
  const next = () => packed.integer()
  const opened = next() === 1
  const paused = next() === 1
  const stock = STOCK_STATES[next()]
  const closed = stock === 'sold_out' || stock === 'ended' ? stock : null
  const pace = { rate: next(), burst: next() }
  const state = {
    opened,
    paused,
    closed,
    pace,
    tokens: next(),
    tail: next(),
    called: next(),
    reach: next(),
    present: next(),
    speed: next(),
    waiting: next(),
    admitted: next(),
    missedTurns: next(),
    outstanding: next(),
  } as const
  const capacity = next()
  const drawn = next()
  const doorTime = next()
  const goneVersion = next()
  const opensAt = next()
  const revision = next()
  const tiers = Array.from({ length: next() }, (_, i): TierState => {
    const place = { index: next(), tail: next(), called: next(), reach: next() }
    return { name: names[i] ?? null, ...place, present: next(), waiting: next(), drawn: orNull(next()) }
  })
  return {
    ...state,
    tiers,
    opensAt: orNull(opensAt),
    revision,
    capacity: orNull(capacity),
    drawn: orNull(drawn),
    doorTime,
    goneVersion,
  }
}

function orNull(value: number): number | null {
  return value < 0 ? null : value
}

export function readVisits(packed: Reader, visits: readonly Visit[]): VisitAnswer[] {
  return visits.map((): VisitAnswer => {
    const code = packed.integer()
    const number = packed.integer()
    const detail = packed.integer()
    if (code === 2) return { status: 'gone' }
    if (code === 1) return { status: 'admitted', number, expiresAt: detail }
    return { status: 'waiting', number, ahead: detail < 0 ? null : detail }
  })
}

export function readChunks(parts: readonly unknown[]): DepartedChunk[] {
  const chunks: DepartedChunk[] = []
  for (let i = 0; i < parts.length; i += 2)
    chunks.push({ index: Number(parts[i]), bits: parts[i + 1] as Buffer })
  return chunks
}

export function readAll<T>(packed: Buffer, read: (reader: Reader) => T): T[] {
  const reader = new Reader(packed)
  const values: T[] = []
  while (!reader.done) values.push(read(reader))
  return values
}
