import { checkId } from '../validation.js'
import { type ReportLimit, WebhookRejected } from './error-log.js'
import type { Exchange, Reply } from './exchange.js'
import type { ReportedPayment, WebhookOptions } from './options.js'
import { Refused } from './problems.js'

const tuning = {
  /** Longest body of a webhook, in bytes. Providers send much more than the payment. */
  maxBytes: 1_024 * 1_024,
}

/** The webhook of one `saleRoutes`. */
export interface Webhook extends WebhookOptions {
  readonly rejections: ReportLimit
}

/**
 * `POST /payments`: the provider's webhook. A provider sends a payment again until it is answered
 * 2xx, and each time it gets the same answer. A payment for a reservation that this sale does not
 * have is `not_found`: the provider goes on and reports it, so that no payment is lost silently.
 */
export async function pay({ verify, rejections }: Webhook, exchange: Exchange): Promise<Reply<'pay'>> {
  const body = await exchange.text(tuning.maxBytes)
  const payment = await verified({ verify, rejections }, exchange.incoming.toRequest(body), exchange)
  if (payment === undefined || payment === null) return { status: 204, body: null }
  const { reservationId, paymentId } = payment
  const result = await exchange.options.sale.confirm(checkId(reservationId, 'verify: reservationId'), {
    paymentId: checkId(paymentId, 'verify: paymentId'),
  })
  if (result.status === 'not_found') throw new Refused('not_found')
  return { status: 200, body: { status: result.status } }
}

/**
 * Why a webhook was rejected is for the shop, not for the sender. The shop is told once a minute:
 * a wrong secret shows, and no sender fills the log.
 */
async function verified(
  { verify, rejections }: Webhook,
  request: Request,
  exchange: Exchange,
): Promise<ReportedPayment | undefined> {
  try {
    return await verify(request)
  } catch (error) {
    const omitted = rejections.pass()
    if (omitted !== undefined) exchange.options.onError(new WebhookRejected(error, omitted))
    throw new Refused('webhook_rejected')
  }
}
