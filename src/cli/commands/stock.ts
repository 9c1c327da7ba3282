import { randomBytes } from 'node:crypto'
import { StockholdError } from '../../errors.js'
import { moveText, restockText, setTotalText } from '../../operations/outcome-texts.js'
import type { Done } from '../../operations/results.js'
import { parseTarget } from '../../operations/target.js'
import { MAX_UNITS } from '../../validation.js'
import { type Command, wholeOf } from '../command.js'
import { AdvisedError, DONE, NO } from '../exit-codes.js'
import { ASKING, CHANGING, KEY } from '../options.js'
import type { Screen } from '../screen.js'
import { bySession, type Session } from '../session.js'
import { safe } from '../terminal/safe.js'
import { notLogged } from './change.js'

const section = 'To change the stock'
const options = [...CHANGING, KEY]

/**
 * Does something that a key makes safe to repeat. The key is told before anything is sent: whatever
 * happens then, the operator can repeat the command with it.
 */
async function keyed<T>(
  session: Session,
  operation: string,
  work: (key: string) => Promise<Done<T>>,
  text: (result: T) => string,
) {
  const { given, note } = session
  const second = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const key = given.text('key') ?? `${operation}-${second}-${randomBytes(4).toString('hex')}`
  if (given.text('key') === undefined) note(`key: ${key}`)
  try {
    const done = await work(key)
    notLogged(session, done)
    const { result } = done
    return { value: { ...done, key }, result, print: (screen: Screen) => screen.line(text(result)) }
  } catch (error) {
    if (error instanceof StockholdError && error.code === 'UNKNOWN_OUTCOME')
      throw new AdvisedError(error, { key })
    throw error
  }
}

const units = (count: number) => `${count.toLocaleString('en-US')} unit${count === 1 ? '' : 's'}`

/** An answer of no units, where some were asked for, is a no. */
function codeOf(applied: number, asked: number): number {
  return applied === 0 && asked !== 0 ? NO : DONE
}

/** Asks before a removal that leaves no unit, and wants more than there are: a slip of the hand? */
async function askToEmpty({ operations, given, ask }: Session, target: string, sku: string, asked: number) {
  const { kind, id } = parseTarget(target)
  // A waiting room is refused by the operation itself.
  if (given.flag('yes') || kind === 'room') return
  const shown = await operations.show(`sale:${id}`)
  const available = shown.kind === 'sale' ? (shown.skus?.[sku]?.available ?? 0) : 0
  if (available > 0 && available < asked)
    await ask(
      `Remove ${units(asked)} of ${sku}? ${available === 1 ? '1 is' : `${available.toLocaleString('en-US')} are`} available: none is left on sale.`,
    )
}

/** Adds units, or removes available ones. */
export async function restock(session: Session) {
  const { operations, given, actor } = session
  const [target, sku] = [given.word(0), given.word(1)]
  const quantity = wholeOf(given.word(2), 'QUANTITY', -MAX_UNITS, MAX_UNITS)
  if (quantity < 0) await askToEmpty(session, target, sku, -quantity)
  const { result, ...outcome } = await keyed(
    session,
    'restock',
    (key) => operations.restock(target, { sku, quantity, key }, actor),
    (result) => restockText(result, safe(sku), quantity),
  )
  return { ...outcome, code: codeOf(result.applied, quantity) }
}

async function setTotal(session: Session) {
  const { operations, given, actor } = session
  const [target, sku] = [given.word(0), given.word(1)]
  const total = wholeOf(given.word(2), 'TOTAL', 0, MAX_UNITS)
  const countedAt = given.moment('counted-at')
  const { result, ...outcome } = await keyed(
    session,
    'set-total',
    (key) => operations.setTotal(target, { sku, total, key, countedAt }, actor),
    (result) => setTotalText(result, safe(sku)),
  )
  return { ...outcome, code: result.status === 'superseded' ? NO : DONE }
}

async function move(session: Session) {
  const { operations, given, actor } = session
  const [target, from, to] = [given.word(0), given.word(1), given.word(2)]
  const quantity = wholeOf(given.word(3), 'QUANTITY', 1, MAX_UNITS)
  const { result, ...outcome } = await keyed(
    session,
    'move',
    (key) => operations.move(target, { from, to, quantity, key }, actor),
    (result) => moveText(result, { from: safe(from), to: safe(to), asked: quantity }),
  )
  return { ...outcome, code: codeOf(result.applied, quantity) }
}

export const stock: readonly Command[] = [
  {
    ...{ name: 'restock', section, parameters: 'SALE SKU QUANTITY', options: [...ASKING, KEY] },
    summary: 'adds units to a sale; a negative quantity removes available ones',
    details:
      'A removal takes at most the units that are available. If it asks for more, and so leaves none on sale, the command asks before.',
    examples: ['restock launch mango 500', 'restock launch mango -20 --reason damaged'],
    run: bySession(restock),
  },
  {
    ...{ name: 'set-total', section, parameters: 'SALE SKU TOTAL' },
    summary: 'sets the total of a SKU, confirmed units included: a stock count',
    options: [
      ...options,
      { name: 'counted-at', value: 'TIME', help: 'when it was counted: an older count loses (default: now)' },
    ],
    examples: ['set-total launch mango 99000 --key count-of-monday'],
    run: bySession(setTotal),
  },
  {
    ...{ name: 'move', section, parameters: 'SALE FROM TO QUANTITY', options },
    summary: 'moves available units from one SKU of a sale to another',
    examples: ['move launch seat:staff seat 5'],
    run: bySession(move),
  },
]
