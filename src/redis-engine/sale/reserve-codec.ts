import type { Answer, Cart, Op } from '../../engine/engine.js'
import { ID_OFFSET, PART_LENGTH, writeDigits } from '../../engine/reservation-id.js'
import { RETRY } from '../define-port.js'
import { Writer } from '../msgpack.js'
import {
  type Details,
  nextNumber,
  nextRecord,
  readLimitExceeded,
  type SaleCodec,
  unknownStatus,
  writeCart,
  writeChanges,
  writeColumn,
  writeIds,
  writeKey,
} from './record-codec.js'
import { readMoved } from './transfer-reservation-codec.js'

const scratch = new Writer()
let latest: { readonly cart: Cart; readonly packed: Buffer } = { cart: [], packed: Buffer.alloc(0) }

/** At a launch most buyers ask for the same cart, in this batch and in the next. */
function packCart(cart: Cart): Buffer {
  if (isSameLine(cart, latest.cart)) return latest.packed
  const packed = scratch.pack(() => writeCart(cart, scratch))
  latest = { cart, packed }
  return packed
}

/** What items have in common; `times` in a recovery only. */
interface Plan {
  readonly items: Buffer
  readonly holdMs: number
  readonly isWithoutPass: boolean
  readonly times: readonly number[]
}

function newPlan({ cart, holdMs, pass, createdAt, expiresAt }: Op<'reserve'>): Plan {
  const times = createdAt === undefined ? [] : expiresAt === undefined ? [createdAt] : [createdAt, expiresAt]
  return { items: packCart(cart), holdMs: holdMs ?? 0, isWithoutPass: pass === false, times }
}

function writePlan({ items, holdMs, isWithoutPass, times }: Plan, to: Writer): void {
  const pass = isWithoutPass || times.length > 0 ? [isWithoutPass ? 1 : 0] : []
  const values = [holdMs, ...pass, ...times]
  to.array(1 + values.length)
  to.raw(items)
  for (const value of values) to.integer(value)
}

/** Items of the same cart and hold share a plan, so that the script decodes each cart once. */
function planOf(ops: readonly Op<'reserve'>[]): { plans: Plan[]; places: number[] } {
  if (ops.length === 1) return { plans: [newPlan(ops[0]!)], places: [1] }
  const known = new Map<string, number>()
  const plans: Plan[] = []
  const places: number[] = new Array(ops.length)
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i]!
    if (i > 0 && isSamePlan(op, ops[i - 1]!)) {
      places[i] = places[i - 1]!
      continue
    }
    const name = `${op.cart.join()};${op.holdMs};${op.pass};${op.createdAt};${op.expiresAt}`
    const place = known.get(name) ?? plans.push(newPlan(op))
    known.set(name, place)
    places[i] = place
  }
  return { plans, places }
}

function isSamePlan(a: Op<'reserve'>, b: Op<'reserve'>): boolean {
  const hasSameTimes = a.createdAt === b.createdAt && a.expiresAt === b.expiresAt
  return a.holdMs === b.holdMs && a.pass === b.pass && hasSameTimes && isSameLine(a.cart, b.cart)
}

function isSameLine(a: Cart, b: Cart): boolean {
  return a.length === 1 && b.length === 1 && a[0]![0] === b[0]![0] && a[0]![1] === b[0]![1]
}

/** Items whose cart was changed, or that were transferred: there are some in a recovery only. */
function writeRestored(ops: readonly Op<'reserve'>[], to: Writer): void {
  const restored: (number | string)[] = []
  for (let i = 0; i < ops.length; i++) {
    const { changes, earlier, origin } = ops[i]!
    if (isRestored(ops[i]!)) restored.push(i + 1, changes ? 1 : 0, earlier ?? '', origin ? 1 : 0)
  }
  writeColumn(restored, to, (value) => value)
}

function isRestored({ changes, earlier, origin }: Op<'reserve'>): boolean {
  return changes !== undefined || origin !== undefined || earlier !== undefined
}

/** The packed values of a record that follow its hold. */
function writeFragment(
  { id, buyer, household, key, changes, origin }: Op<'reserve'>,
  items: Buffer,
  to: Writer,
): void {
  const fragment = to.open()
  const nonce = to.bytesOf(6)
  writeDigits(id, ID_OFFSET.nonce, PART_LENGTH, to.bytes, nonce)
  to.text(buyer)
  writeKey(key, origin, to)
  to.raw(items)
  if (changes) writeChanges(changes, to)
  else to.text('')
  to.text(household ?? '')
  to.close(fragment)
}

/** The values of one item without lists around them, of which Lua would make tables. */
function writeLone(op: Op<'reserve'>, to: Writer): void {
  const { items, holdMs, isWithoutPass } = newPlan(op)
  to.raw(items)
  to.integer(holdMs)
  to.integer(isWithoutPass ? 1 : 0)
  const bucket = to.bytesOf(6)
  writeDigits(op.id, ID_OFFSET.bucket, PART_LENGTH, to.bytes, bucket)
  writeFragment(op, items, to)
  const nonce = to.bytesOf(6)
  writeDigits(op.id, ID_OFFSET.nonce, PART_LENGTH, to.bytes, nonce)
}

export const reserveCodec: SaleCodec<'reserve'> = {
  encode(ops, to) {
    if (ops.length === 1 && !isRestored(ops[0]!) && ops[0]!.createdAt === undefined)
      return writeLone(ops[0]!, to)
    const { plans, places } = planOf(ops)
    to.array(plans.length)
    for (const plan of plans) writePlan(plan, to)
    writeIds(ops, 1, to)
    to.array(ops.length)
    for (let i = 0; i < ops.length; i++) writeFragment(ops[i]!, plans[places[i]! - 1]!.items, to)
    const nonces = to.open()
    for (const { id } of ops) {
      const at = to.reserve(6)
      writeDigits(id, ID_OFFSET.nonce, PART_LENGTH, to.bytes, at)
    }
    to.close(nonces)
    to.array(ops.length)
    for (const place of places) to.integer(place)
    writeRestored(ops, to)
  },

  decode(ops, from) {
    const answers: Answer<'reserve'>[] = new Array(ops.length)
    let soldOut: Answer<'reserve'> | undefined
    for (let i = 0; i < ops.length; i++) {
      const answer = readReserve(ops[i]!, from.statuses[i]!, from, soldOut)
      if (answer.status === 'sold_out') soldOut = answer
      answers[i] = answer
    }
    return answers
  },
}

/** The reservation as it was asked for: the reply does not repeat it. */
function heldBy(op: Op<'reserve'>, from: Details) {
  const { id, buyer, household, cart, key, holdMs, changes, origin } = op
  const { createdAt = from.now, expiresAt = from.now + (holdMs ?? from.defaultHoldMs) } = op
  const held = { id, buyer, cart, state: 'held', key, createdAt, expiresAt, paymentId: null } as const
  if (household === undefined && !changes && !origin) return held
  return {
    ...held,
    ...(household !== undefined && { household }),
    ...(changes && { changes }),
    ...(origin && { origin }),
  }
}

/** @param soldOut The latest one: once a sale is sold out, nearly all of a batch share it. */
function readReserve(
  op: Op<'reserve'>,
  status: number,
  from: Details,
  soldOut: Answer<'reserve'> | undefined,
): Answer<'reserve'> {
  switch (status) {
    case 0x52 /* R */:
      return { status: 'reserved', reservation: heldBy(op, from), replayed: false }
    case 0x51 /* Q */:
      return { status: 'reserved', reservation: nextRecord(op.id, from), replayed: false }
    case 0x50 /* P */:
      return { status: 'reserved', reservation: nextRecord(op.id, from), replayed: true }
    case 0x4b /* K */:
      return { status: 'key_spent', reservation: nextRecord(op.id, from) }
    case 0x43 /* C */:
      return { status: 'conflict', id: nextRecord(op.id, from).id }
    case 0x48 /* H */:
      return { status: 'hold_too_long', maxHoldMs: nextNumber(from) }
    case 0x45 /* E */:
      return { status: 'ended' }
    case 0x5a /* Z */:
      return { status: 'paused' }
    case 0x4e /* N */:
      return { status: 'not_started', opensAt: nextNumber(from) }
    case 0x4f /* O */:
      return { status: 'not_started', sku: nextNumber(from), opensAt: nextNumber(from) }
    case 0x46 /* F */:
      return { status: 'ended', sku: nextNumber(from) }
    case 0x59 /* Y */:
      return { status: 'needs_pass' }
    case 0x4c /* L */:
      return readLimitExceeded(op.id, from)
    case 0x53 /* S */:
      return {
        status: 'sold_out',
        sku: nextNumber(from),
        available: nextNumber(from),
        mayReturn: nextNumber(from) === 1,
      }
    case 0x55 /* U */:
      if (!soldOut) throw new RangeError('the reply repeats an answer that it has not given')
      return soldOut
    case 0x56 /* V */:
      return readMoved(op.id, from)
    case 0x54 /* T */:
      return RETRY
    default:
      throw unknownStatus('reserve', status)
  }
}
