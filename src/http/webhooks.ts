import { createHmac, timingSafeEqual } from 'node:crypto'
import { invalid } from '../errors.js'
import type { ReportedPayment, WebhookOptions } from './options.js'

/** How the event of a provider is read. */
export interface WebhookReading<E = unknown> {
  /** The secret that the provider shows for this webhook: `whsec_...`. */
  secret: string
  /** Finds the payment in an event; `undefined`: the event is none of a payment of this sale. */
  read: (event: E) => ReportedPayment | undefined
}

/** An event of Stripe, as far as every event is alike. */
export interface StripeEvent {
  readonly id: string
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: each type of event has an object of its own.
  readonly data: { readonly object: any }
}

const tuning = {
  /** How old a signature of Stripe may be, in seconds: as its own libraries have it. */
  toleranceSeconds: 300,
}

/**
 * Verifies webhooks that are signed as standardwebhooks.com says. Needs the package
 * `standardwebhooks`.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`
 */
export function standardWebhook<E = unknown>(reading: WebhookReading<E>): WebhookOptions {
  const { secret, read } = checkReading(reading)
  const loaded = import('standardwebhooks').then(({ Webhook }) => new Webhook(secret))
  loaded.catch(() => {})
  return {
    verify: async (request) => {
      const body = await request.text()
      return read((await loaded).verify(body, Object.fromEntries(request.headers)) as E)
    },
  }
}

/**
 * Verifies webhooks of Stripe by the header `Stripe-Signature`.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`
 */
export function stripeWebhook(reading: WebhookReading<StripeEvent>): WebhookOptions {
  const { secret, read } = checkReading(reading)
  return {
    verify: async (request) => {
      const body = await request.text()
      checkStripe(body, request.headers.get('stripe-signature'), secret)
      return read(JSON.parse(body))
    },
  }
}

function checkReading<E>(reading: WebhookReading<E>): WebhookReading<E> {
  if (typeof reading?.secret !== 'string' || reading.secret === '')
    throw invalid(
      'secret',
      'must be the signing secret that the provider shows for this webhook (whsec_...): is its variable set?',
    )
  if (typeof reading.read !== 'function') throw invalid('read', 'must be a function')
  return reading
}

/** `t=1492774577,v1=...,v1=...`: while a secret is being changed, there are two signatures. */
function checkStripe(body: string, header: string | null, secret: string): void {
  if (header === null)
    throw new Error(
      'The header Stripe-Signature is missing: the sender is not Stripe, or a proxy has removed the header.',
    )
  const parts = header.split(',').map((part) => part.trim().split('=') as [string, string?])
  const time = parts.find(([name]) => name === 't')?.[1] ?? ''
  const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest()
  const isSigned = parts.some(([name, value = '']) => {
    const given = Buffer.from(value, 'hex')
    return name === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)
  })
  if (!isSigned)
    throw new Error(
      'No signature in Stripe-Signature is one of this secret: take the signing secret of this endpoint, and ' +
        'let no proxy or parser change the body.',
    )
  if (!(Math.abs(Date.now() / 1_000 - Number(time)) <= tuning.toleranceSeconds))
    throw new Error(
      'The signature in Stripe-Signature is too old, or of a time to come: is the clock of this machine right?',
    )
}
