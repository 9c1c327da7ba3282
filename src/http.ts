export type {
  AllowQuestion,
  CorsOptions,
  EventStreamOptions,
  ReportedPayment,
  SaleRoutesOptions,
  Visitor,
  WebhookOptions,
} from './http/options.js'
export type { Problem, ProblemCode } from './http/problems.js'
export { type SaleRoutes, saleRoutes } from './http/sale-routes.js'
export type { CookieOptions } from './http/tokens.js'
export type * from './http/views.js'
export { type StripeEvent, standardWebhook, stripeWebhook, type WebhookReading } from './http/webhooks.js'
