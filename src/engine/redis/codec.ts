import type {
  Answer,
  Cart,
  Command,
  Line,
  Op,
  RefundReason,
  ReservationState,
  SaleState,
  SkuCounts,
  StoredReservation,
} from '../engine.js'
import { ID_OFFSET, makeId, PART_LENGTH, withNonce, writeDigits } from '../id.js'
import { decodeEvents } from './event-codec.js'
import { Reader, Writer } from './msgpack.js'

/** The head of a reply and its details, as `scripts/_commit.lua` puts them together. */
export interface Details {
  readonly partition: number
  readonly now: number
  readonly sequence: number
  readonly epoch: number
  readonly holdMs: number
  /** One letter an item, as character codes. */
  readonly statuses: Buffer
  /** The next detail. */
  next(): unknown
}

export interface Codec<C extends Command> {
  /** The command's own columns, behind token, deadline and floor. */
  write(ops: readonly Op<C>[], to: Writer): void
  read(ops: readonly Op<C>[], from: Details): Answer<C>[]
}

const RETRY = { status: 'retry' } as const
const NOT_FOUND = { status: 'not_found' } as const

const stateOfCode: readonly ReservationState[] = [
  'held',
  'confirmed',
  'released',
  'expired',
  'refunded',
  'confirmed', // late
  'expired', // refund due: sold_out
  'expired', // refund due: limit_exceeded
  'expired', // refund due: ended
  'released', // refund due: released
]

/** Reads the record of `scripts/_records.lua`. `id` is any id of its bucket. */
export function readRecord(record: Reader, id: string, from: Details): StoredReservation {
  const state = stateOfCode[record.integer()]!
  const paymentId = record.text()
  const createdAt = from.epoch + record.integer()
  const hold = record.integer()
  const nonce = record.raw().toString('base64url')
  const buyer = record.text()
  const key = record.text()
  const items = new Reader(record.raw())
  const cart: Line[] = []
  while (!items.done) cart.push([items.integer(), items.integer()])
  return {
    id: withNonce(id, nonce),
    buyer,
    cart,
    state,
    key: key === '' ? null : key,
    createdAt,
    expiresAt: createdAt + (hold === 0 ? from.holdMs : hold),
    paymentId: paymentId === '' ? null : paymentId,
  }
}

function nextRecord(id: string, from: Details): StoredReservation {
  return readRecord(new Reader(from.next() as Buffer), id, from)
}

function nextNumber(from: Details): number {
  return Number(from.next())
}

export function readCounts(packed: Reader): SkuCounts {
  const available = packed.integer()
  const held = packed.integer()
  const confirmed = packed.integer()
  const total = packed.integer()
  const inTransit = packed.integer()
  packed.integer() // the limit, which the rules hold too
  return { total, available, held, confirmed, inTransit }
}

const scratch = new Writer()

function packCart(cart: Cart): Buffer {
  for (const [sku, quantity] of cart) {
    scratch.integer(sku)
    scratch.integer(quantity)
  }
  return scratch.take()
}

/** Buckets, or buckets and nonces, of ids: `parts` times six bytes each. */
function writeIds(ops: readonly { readonly id: string }[], parts: 1 | 2, to: Writer): void {
  to.array(ops.length)
  for (const { id } of ops) {
    const at = to.bytesOf(6 * parts)
    writeDigits(id, ID_OFFSET.bucket, PART_LENGTH * parts, to.bytes, at)
  }
}

function writeColumn<T>(ops: readonly T[], to: Writer, value: (op: T) => string | number): void {
  to.array(ops.length)
  for (const op of ops) {
    const cell = value(op)
    if (typeof cell === 'string') to.text(cell)
    else to.integer(cell)
  }
}

/** Items of the same cart and hold share a plan, so that the script decodes each cart once. */
function planOf(ops: readonly Op<'reserve'>[]): { plans: [Buffer, number][]; places: number[] } {
  const known = new Map<string, number>()
  const plans: [Buffer, number][] = []
  const places = ops.map(({ cart, holdMs }) => {
    const name = cart.length === 1 ? `${cart[0]![0]},${cart[0]![1]};${holdMs}` : `${cart.join()};${holdMs}`
    let place = known.get(name)
    if (place === undefined) {
      place = plans.push([packCart(cart), holdMs])
      known.set(name, place)
    }
    return place
  })
  return { plans, places }
}

const reserve: Codec<'reserve'> = {
  write(ops, to) {
    const { plans, places } = planOf(ops)
    to.array(plans.length)
    for (const [items, holdMs] of plans) {
      to.array(2)
      to.raw(items)
      to.integer(holdMs)
    }
    writeIds(ops, 1, to)
    to.array(ops.length)
    for (let i = 0; i < ops.length; i++) {
      const { id, buyer, key } = ops[i]!
      const fragment = to.open()
      const nonce = to.bytesOf(6)
      writeDigits(id, ID_OFFSET.nonce, PART_LENGTH, to.bytes, nonce)
      to.text(buyer)
      to.text(key ?? '')
      to.raw(plans[places[i]! - 1]![0])
      to.close(fragment)
    }
    const nonces = to.open()
    for (const { id } of ops) {
      const at = to.reserve(6)
      writeDigits(id, ID_OFFSET.nonce, PART_LENGTH, to.bytes, at)
    }
    to.close(nonces)
    to.array(ops.length)
    for (const place of places) to.integer(place)
  },

  read(ops, from) {
    const answers: Answer<'reserve'>[] = new Array(ops.length)
    for (let i = 0; i < ops.length; i++) answers[i] = readReserve(ops[i]!, from.statuses[i]!, from)
    return answers
  },
}

function readReserve(op: Op<'reserve'>, status: number, from: Details): Answer<'reserve'> {
  switch (status) {
    case 0x52 /* R */:
      {
        const { id, buyer, cart, key, holdMs } = op
        const expiresAt = from.now + holdMs
        const held = {
          id,
          buyer,
          cart,
          state: 'held',
          key,
          createdAt: from.now,
          expiresAt,
          paymentId: null,
        } as const
        return { status: 'reserved', reservation: held, replayed: false }
      }
    case 0x51 /* Q */:
      return { status: 'reserved', reservation: nextRecord(op.id, from), replayed: false }
    case 0x50 /* P */:
      return { status: 'reserved', reservation: nextRecord(op.id, from), replayed: true }
    case 0x4b /* K */:
      return { status: 'key_spent', reservation: nextRecord(op.id, from) }
    case 0x43 /* C */:
      return { status: 'conflict' }
    case 0x45 /* E */:
      return { status: 'ended' }
    case 0x5a /* Z */:
      return { status: 'paused' }
    case 0x4e /* N */:
      return { status: 'not_started', opensAt: nextNumber(from) }
    case 0x4c /* L */:
      return {
        status: 'limit_exceeded',
        sku: nextNumber(from),
        limit: nextNumber(from),
        taken: nextNumber(from),
      }
    case 0x53 /* S */:
      return {
        status: 'sold_out',
        sku: nextNumber(from),
        available: nextNumber(from),
        mayReturn: nextNumber(from) === 1,
      }
    case 0x54 /* T */:
      return RETRY
    default:
      throw unknownStatus('reserve', status)
  }
}

function unknownStatus(command: Command, status: number | undefined): RangeError {
  return new RangeError(`${command} answered the unknown status ${status}`)
}

/** A codec for commands that answer by a letter and, where there is one, the reservation's record. */
function settling<C extends 'confirm' | 'release' | 'extend' | 'refund' | 'get'>(
  command: C,
  columns: readonly ((op: Op<C>) => string | number)[],
  answers: Record<string, (reservation: StoredReservation, now: number) => Answer<C>>,
): Codec<C> {
  const byLetter = new Map(Object.entries(answers).map(([letter, answer]) => [letter.charCodeAt(0), answer]))
  return {
    write(ops, to) {
      writeIds(ops, 2, to)
      for (const column of columns) writeColumn(ops, to, column)
    },
    read(ops, from) {
      return ops.map(({ id }, i): Answer<C> => {
        const letter = from.statuses[i]!
        if (letter === 0x4d /* M */) return NOT_FOUND as Answer<C>
        if (letter === 0x54 /* T */) return RETRY as Answer<C>
        const answer = byLetter.get(letter)
        if (!answer) throw unknownStatus(command, letter)
        return answer(nextRecord(id, from), from.now)
      })
    },
  }
}

const due = (reason: RefundReason) => (reservation: StoredReservation) =>
  ({ status: 'refund_due', reservation, reason }) as const
const done =
  <S extends string>(status: S, replayed: boolean) =>
  (reservation: StoredReservation) => ({ status, reservation, replayed })
const plain =
  <S extends string>(status: S) =>
  (reservation: StoredReservation) => ({ status, reservation })
const confirmed = (replayed: boolean, late: boolean) => (reservation: StoredReservation) =>
  ({ status: 'confirmed', reservation, replayed, late }) as const

const stateOfLetter: Record<string, SaleState> = { O: 'open', N: 'not_started', P: 'paused', E: 'ended' }

function saleState(command: Command, letter: number): SaleState {
  const state = stateOfLetter[String.fromCharCode(letter)]
  if (!state) throw unknownStatus(command, letter)
  return state
}

function readAllCounts(packed: Reader): SkuCounts[] {
  const skus: SkuCounts[] = []
  while (!packed.done) skus.push(readCounts(packed))
  return skus
}

/** HGETALL of the stock, whose fields are the SKUs' indexes. */
function readStock(fields: readonly Buffer[]): SkuCounts[] {
  const skus: SkuCounts[] = []
  for (let i = 0; i < fields.length; i += 2) skus[Number(fields[i])] = readCounts(new Reader(fields[i + 1]!))
  return skus
}

function readPage(pairs: readonly Buffer[], from: Details): StoredReservation[] {
  const reservations: StoredReservation[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    const id = makeId(from.partition, pairs[i]!.toString('base64url'), '')
    const records = new Reader(pairs[i + 1]!)
    while (!records.done) reservations.push(readRecord(records, id, from))
  }
  return reservations
}

/** How each command, but `create` and `describe`, is put into a script's arguments and read from its reply. */
export const codecs: { [C in Exclude<Command, 'create' | 'describe'>]: Codec<C> } = {
  reserve,
  confirm: settling('confirm', [(op) => op.buyer ?? '', (op) => op.paymentId ?? ''], {
    F: confirmed(false, false),
    G: confirmed(false, true),
    P: confirmed(true, false),
    Q: confirmed(true, true),
    S: due('sold_out'),
    L: due('limit_exceeded'),
    E: due('ended'),
    D: due('released'),
    B: due('refunded'),
  }),
  release: settling('release', [(op) => op.buyer ?? ''], {
    R: done('released', false),
    P: done('released', true),
    A: plain('already_confirmed'),
    X: plain('expired'),
  }),
  extend: settling('extend', [(op) => op.holdMs], {
    R: plain('extended'),
    A: plain('already_confirmed'),
    B: plain('already_released'),
    X: plain('expired'),
  }),
  refund: settling('refund', [(op) => (op.restock ? 1 : 0)], {
    R: done('refunded', false),
    P: done('refunded', true),
    A: plain('not_confirmed'),
  }),
  get: settling('get', [], {
    F: (stored, now) => {
      const lapsed = stored.state === 'held' && now >= stored.expiresAt
      return { status: 'found', reservation: lapsed ? { ...stored, state: 'expired' } : stored }
    },
  }),
  restock: {
    write(ops, to) {
      writeColumn(ops, to, (op) => op.sku)
      writeColumn(ops, to, (op) => op.quantity)
      writeColumn(ops, to, (op) => op.key)
    },
    read: (ops, from) =>
      ops.map((_, i): Answer<'restock'> => {
        const letter = String.fromCharCode(from.statuses[i]!)
        if (letter === 'T') return RETRY
        if (letter === 'C') return { status: 'conflict' }
        if (letter !== 'R' && letter !== 'P') throw unknownStatus('restock', from.statuses[i])
        return { status: 'restocked', applied: nextNumber(from), replayed: letter === 'P' }
      }),
  },
  control: {
    write: (ops, to) => writeColumn(ops, to, (op) => op.action),
    read: (ops, from) =>
      ops.map((_, i): Answer<'control'> => {
        const letter = from.statuses[i]!
        return letter === 0x54 /* T */ ? RETRY : { status: saleState('control', letter) }
      }),
  },
  stats: {
    write: (ops, to) => to.integer(ops.length),
    read(ops, from) {
      const letter = from.statuses[0]!
      if (letter === 0x54 /* T */) return ops.map(() => RETRY)
      const skus = readAllCounts(new Reader(from.next() as Buffer))
      return ops.map(() => ({ status: saleState('stats', letter), skus }))
    },
  },
  sweep: {
    write: (ops, to) => to.integer(ops.length),
    read(ops, from) {
      const next = nextNumber(from)
      return ops.map(() => ({ status: 'swept', next: next < 0 ? null : next }))
    },
  },
  scan: {
    write: (ops, to) => writeColumn(ops, to, (op) => op.cursor),
    read: (ops, from) =>
      ops.map(() => {
        const cursor = String(from.next())
        const skus = readStock(from.next() as Buffer[])
        const reservations = readPage(from.next() as Buffer[], from)
        return { status: 'scanned', cursor, reservations, skus, sequence: from.sequence }
      }),
  },
  events: {
    write: (ops, to) => writeColumn(ops, to, (op) => op.after),
    read: (ops, from) =>
      ops.map(({ after }) => ({
        status: 'events',
        events: decodeEvents(from.next() as Buffer[], from).filter((event) => event.sequence > after),
      })),
  },
}
