import { createHmac } from 'node:crypto'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Caller } from '../../src/client/caller.js'
import type { Page } from '../../src/client/page.js'
import type { Webhook } from './options.js'

/** Reports a payment; resolves with what the shop answers, however often it must be asked. */
export type Report = (
  reservation: string,
  payment: string,
  signal: AbortSignal,
) => Promise<{ readonly status?: string | number; readonly code?: string | undefined }>

/** The payment provider: it signs as the shop expects it, and reports until it is answered. */
export function provider(url: string, { scheme, secret }: Webhook, page: Page): Report {
  const sign = scheme === 'stripe' ? stripe(secret) : standard(secret)
  return (reservation, payment, signal) => {
    const { body, headers } = sign(reservation, payment)
    const caller = new Caller(page, { url, headers: () => headers })
    return caller.call<'pay'>('POST', '/payments', { body, signal })
  }
}

function standard(secret: string) {
  const webhook = new StandardWebhook(secret)
  return (reservation: string, payment: string) => {
    const body = { type: 'payment.succeeded', data: { reservation, payment } }
    const at = new Date()
    const headers = {
      'webhook-id': `msg_${payment}`,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': webhook.sign(`msg_${payment}`, at, JSON.stringify(body)),
    }
    return { body, headers }
  }
}

function stripe(secret: string) {
  return (reservation: string, payment: string) => {
    const object = { client_reference_id: reservation, payment_intent: payment, payment_status: 'paid' }
    const body = { type: 'checkout.session.completed', data: { object } }
    const at = Math.floor(Date.now() / 1_000)
    const v1 = createHmac('sha256', secret)
      .update(`${at}.${JSON.stringify(body)}`)
      .digest('hex')
    return { body, headers: { 'stripe-signature': `t=${at},v1=${v1}` } }
  }
}
