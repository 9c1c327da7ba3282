import {
  blockText,
  destroyText,
  moveText,
  rateText,
  restockText,
  setTotalText,
  unblockText,
  updateText,
} from '../../operations/outcome-texts.js'
import { h } from './dom.js'
import { number } from './format.js'
import type { Form } from './operations.js'
import { badge } from './parts.js'

/** The arguments of all operations that are told in a sentence. */
interface Arguments {
  readonly sku: string
  readonly quantity: number
  readonly from: string
  readonly to: string
}

/** A name in a sentence: its direction of writing ends with it. */
const isolated = (name: string) => `\u2068${name}\u2069`

const TEXTS: Readonly<Record<string, (result: never, asked: Arguments, target: string) => string>> = {
  restock: (result: Parameters<typeof restockText>[0], { sku, quantity }) =>
    restockText(result, isolated(sku), quantity),
  'set-total': (result: Parameters<typeof setTotalText>[0], { sku }) => setTotalText(result, isolated(sku)),
  move: (result: Parameters<typeof moveText>[0], { from, to, quantity }) =>
    moveText(result, { from: isolated(from), to: isolated(to), asked: quantity }),
  update: updateText,
  rate: (result: Parameters<typeof rateText>[0], _, target) =>
    rateText(result, isolated(target), 'Change the rate again to let it go on.'),
  block: blockText,
  unblock: unblockText,
  'dead-letters-retry': ({ count }: { readonly count: number }) =>
    `${events(count)} ${count === 1 ? 'is' : 'are'} tried again.`,
  'dead-letters-discard': ({ count }: { readonly count: number }) =>
    `${events(count)} ${count === 1 ? 'was' : 'were'} discarded.`,
  destroy: (result: Parameters<typeof destroyText>[0]) => destroyText(result, 'the check box'),
}

const events = (count: number) => `${number(count)} event${count === 1 ? '' : 's'}`

/** A sale that is paused before its opening. */
export const PAUSED_BEFORE = 'It is paused, too: also after its opening it sells nothing until you resume it.'

/** What a change has come to, in a sentence; `null`: its result is to be seen as it is. */
export function outcomeBlock(
  form: Form,
  { target, arguments: asked }: { readonly target: string; readonly arguments: object },
  result: unknown,
): HTMLElement | null {
  const { operation } = form
  const text = Object.hasOwn(TEXTS, operation) && TEXTS[operation]
  if (text) return h('p', {}, text(result as never, asked as Arguments, target))
  if (operation !== 'pause' && operation !== 'resume' && operation !== 'end') return null
  const { state } = result as { readonly state: string }
  if (state === 'resumed') return h('p', {}, 'The waiting room is not paused any more.')
  return h('p', {}, badge(state), ` ${stateText(form, target, state)}`)
}

function stateText({ operation, isOfFrozen }: Form, target: string, state: string): string {
  if (isOfFrozen) return 'It is still frozen, too: recover it, and then resume it.'
  if (state === 'ended') return 'It will never sell again.'
  if (state === 'open') return 'Buyers can reserve again.'
  if (state === 'paused')
    return target.startsWith('room:')
      ? 'No visitor is admitted until you resume it.'
      : 'New reservations are refused until you resume it.'
  return operation === 'pause' && state === 'not_started' ? PAUSED_BEFORE : ''
}
