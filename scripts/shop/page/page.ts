// In a shop of your own: import { ... } from 'stockhold/client'
import { type ReservationView, type SaleView, saleClient, type WaitingView } from '../../../src/client.js'

const PRICE = 499
const find = <E extends HTMLElement = HTMLElement>(selector: string) => document.querySelector<E>(selector)!
const offline = find('#offline')
const panel = find('#panel')
const shop = saleClient({
  url: '/shop',
  onRetrying: (isRetrying) => {
    offline.hidden = !isRetrying
  },
})
const go = (to: string) => location.assign(`#${to}`)
const cartOf = (quantity: number) => [{ sku: 'mango-me', quantity }]

interface Shown {
  readonly slots?: Readonly<Record<string, string | number>>
  readonly values?: Readonly<Record<string, number>>
  readonly actions?: Readonly<Record<string, () => unknown>>
}

/** Fills a view. A view after another has the focus on its heading, so screen readers say it. */
function show(view: string, { slots = {}, values = {}, actions = {} }: Shown = {}): void {
  const before = panel.dataset.view
  if (before !== view) {
    panel.dataset.view = view
    panel.replaceChildren(find<HTMLTemplateElement>(`template#${view}`).content.cloneNode(true))
    const heading = find('#panel h1')
    heading.tabIndex = -1
    if (before !== undefined) heading.focus({ preventScroll: true })
  }
  for (const [name, text] of Object.entries(slots)) {
    const slot = find(`#panel [data-slot=${name}]`)
    if (slot.textContent !== String(text)) slot.textContent = String(text)
    slot.hidden = text === ''
  }
  for (const [name, value] of Object.entries(values))
    find<HTMLProgressElement>(`#panel [data-value=${name}]`).value = value
  for (const [name, action] of Object.entries(actions)) find(`#panel [data-do=${name}]`).onclick = action
  document.title = [slots.position ?? slots.left, 'mango me'].filter(Boolean).join(' · ')
}

const message = (title: string, text: string, payments = '') =>
  show('message', { slots: { title, text, payments } })

/** `1:30`, of what is left. */
function clock(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

function words(ms: number): string {
  if (ms < 60_000) return `${Math.max(1, Math.round(ms / 5_000)) * 5} seconds`
  const minutes = Math.round(ms / 60_000)
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}

/** The product, as long as there are units; and when they are back. */
async function product(signal: AbortSignal): Promise<void> {
  const mine = await shop.reservations({ limit: 1, signal })
  const latest = mine.code ? undefined : mine.reservations[0]
  if (latest?.state === 'held') return go(latest.id)
  let wasSoldOut = false
  const actions = { buy: () => go('queue') }
  const onSale = ({ state, skus, holdMs }: SaleView) => {
    const { available = 0, mayReturn = false } = skus[0] ?? {}
    if (state === 'ended') return message('The sale is over', 'Thank you for coming.')
    if (available > 0) {
      const kicker = wasSoldOut ? 'Back again' : latest ? 'You have one. One more?' : 'On sale now'
      const slots = { kicker, available, hold: words(holdMs) }
      return show('product', { slots, values: { available }, actions })
    }
    wasSoldOut = true
    const hope = mayReturn
      ? 'The last ones are in baskets. Wait in line, and the next one that is put back is for you.'
      : 'Every one has found a home. This page tells you when one comes back.'
    show('soldout', { slots: { kicker: 'mango me', hope, action: mayReturn ? 'Wait in line' : '' }, actions })
  }
  await shop.watch({ onSale, everyMs: 2_000, signal })
}

/** The line, until the buyer has units in the basket. */
async function queue(signal: AbortSignal): Promise<void> {
  const joined = await shop.join({ signal })
  if (joined.code) return message('Sorry', 'The shop cannot serve you. Please write to us.')
  const leave = async () => {
    await shop.leave()
    go('')
  }
  const onUpdate = ({ position, etaMs, soldOutLikely }: WaitingView) => {
    const when = soldOutLikely
      ? 'when a phone is put back'
      : etaMs === null
        ? 'soon'
        : `in about ${words(etaMs)}`
    const eta = `Your turn comes ${when}.`
    const doubt = soldOutLikely ? 'More people are in line than there are phones.' : ''
    show('waiting', { slots: { position: position || 'Next', eta, doubt }, actions: { leave } })
  }
  onUpdate(joined)
  const turn = await shop.wait({ onUpdate, signal })
  if (turn.code || turn.status === 'closed') return go('')
  // Two tabs have the same turn, and so the same key: together they reserve once.
  let held = await shop.reserve({ items: cartOf(1), key: String(turn.expiresAt), signal })
  const isOfBefore = held.code ? held.code === 'key_spent' : held.state !== 'held'
  if (isOfBefore) held = await shop.reserve({ items: cartOf(1), signal })
  if (!held.code) return location.replace(`#${held.id}`)
  if (held.code === 'limit_exceeded')
    return message('Two are the limit', 'You have as many as one buyer may have.')
  go('')
}

/** A reservation, from the basket to the parcel. */
async function reservation(id: string, signal: AbortSignal): Promise<void> {
  const sale = await shop.sale({ signal })
  for (let waitMs = 1_000; ; waitMs = Math.min(60_000, waitMs * 1.5)) {
    const now = await shop.reservation(id, { signal })
    if (now.code || now.state === 'released') return go('')
    if (now.state === 'held') {
      await checkout(now, sale.code ? now.expiresInMs : sale.holdMs, signal)
      waitMs = 1_000
      continue
    }
    const order = await orderOf(id, signal)
    const payments = order.payments.map(({ givenBack }) => (givenBack ? 'given back' : 'taken')).join(', ')
    if (now.state === 'confirmed') showOrder(now, order, payments || 'taken', signal)
    else {
      const [title, text] = now.state === 'refunded' ? REFUNDED : EXPIRED
      message(title, text, payments && `Payment: ${payments}`)
    }
    await pause(waitMs, signal)
  }
}

const REFUNDED = ['It goes back', 'Your money is on its way to you.'] as const
const EXPIRED = [
  'Your time is over',
  'A payment that still comes is an order if a phone is left. Else the money goes back.',
] as const

interface Order {
  readonly payments: readonly { readonly givenBack: boolean }[]
  readonly parcel?: { readonly reference: string; readonly isOnItsWay: boolean }
}

/** What the shop's own routes tell; they are asked like those of the sale, until they answer. */
async function orderOf(id: string, signal: AbortSignal, what = ''): Promise<Order> {
  for (;;) {
    try {
      const response = await fetch(`/orders/${id}${what}`, { method: what === '' ? 'GET' : 'POST', signal })
      if (response.ok) return await response.json()
    } catch {
      signal.throwIfAborted()
    }
    await pause(1_000, signal)
  }
}

/** Shows the basket for some seconds, in which a payment or another tab may have changed it. */
async function checkout(
  { id, items, expiresInMs }: ReservationView,
  holdMs: number,
  signal: AbortSignal,
): Promise<void> {
  const quantity = items[0]!.quantity
  const act = async (call: Promise<{ readonly code?: string | undefined }>) => {
    const { code } = await call
    refusal = code === undefined ? '' : code === 'sold_out' ? 'That was the last one.' : 'Two are the limit.'
    hurry()
  }
  const actions = {
    less: () => act(shop.amend(id, { items: cartOf(quantity - 1), signal })),
    more: () => act(shop.amend(id, { items: cartOf(quantity + 1), signal })),
    extend: () => act(shop.extend(id, { signal })),
    release: () => act(shop.release(id, { signal })),
  }
  const stepMs = Math.min(expiresInMs, 4_000)
  await pause(stepMs, signal, (ms) => {
    const leftMs = expiresInMs - stepMs + ms
    const slots = { left: clock(leftMs), quantity, total: `€ ${PRICE * quantity}`, refusal }
    show('checkout', { slots, values: { share: leftMs / holdMs }, actions })
    find<HTMLAnchorElement>('#panel [data-href=pay]').href = `/pay/${id}`
    find<HTMLButtonElement>('#panel [data-do=less]').disabled = quantity === 1
  })
}

function showOrder(
  { id, items }: ReservationView,
  { parcel }: Order,
  payments: string,
  signal: AbortSignal,
): void {
  const giveBack = async () => {
    await orderOf(id, signal, '/return')
    hurry()
  }
  const slots = { quantity: items[0]!.quantity, parcel: parcel?.reference ?? 'is being packed', payments }
  show('order', { slots, actions: { return: giveBack } })
  const step = !parcel ? 'paid' : parcel.isOnItsWay ? 'sent' : 'packed'
  for (const item of document.querySelectorAll<HTMLElement>('#panel [data-step]'))
    item.toggleAttribute('aria-current', item.dataset.step === step)
}

/** Ends the pause of the view. */
let hurry = () => {}
/** Why the basket could not be changed. */
let refusal = ''

async function pause(
  ms: number,
  signal: AbortSignal,
  onTick: (leftMs: number) => void = () => {},
): Promise<void> {
  const over = new AbortController()
  hurry = () => over.abort()
  signal.addEventListener('abort', hurry, { signal: over.signal })
  await shop.countdown(ms, { onTick, signal: over.signal }).catch(() => signal.throwIfAborted())
  over.abort()
}

/** What the view of the address does, until the address changes. */
let visit = new AbortController()

async function open(): Promise<void> {
  visit.abort()
  visit = new AbortController()
  const { signal } = visit
  refusal = ''
  const place = location.hash.slice(1)
  const view = place === '' ? product(signal) : place === 'queue' ? queue(signal) : reservation(place, signal)
  await view.catch((error) => {
    if (!signal.aborted) throw error
  })
}

addEventListener('hashchange', open)
open()
