import type { ProblemCode } from './problems.js'
import type {
  HealthView,
  LeftView,
  PaymentView,
  QueueEvent,
  QueueView,
  ReadyView,
  ReservationsView,
  ReservationView,
  SaleView,
  WaitingView,
} from './views.js'

declare const shape: unique symbol

/** Stands for a body of this type. It exists for the type checker only. */
export interface Shape<T> {
  readonly [shape]?: T | undefined
}
const json = <T>(): Shape<T> => ({})

/** An event stream whose events have this type. */
export interface EventsOf<T> {
  readonly events: T
}

/** What any route may answer when something is wrong with the sale or the server. */
const FAULTS = [
  'NOT_FOUND',
  'INTERNAL',
  'UNAVAILABLE',
  'UNKNOWN_OUTCOME',
  'OVERLOADED',
  'CLOSED',
  'STATE_LOST',
  'ROLLBACK_DETECTED',
  'UNSAFE_CONFIG',
  'INCOMPATIBLE_VERSION',
  'RULES_CONFLICT',
] as const satisfies readonly ProblemCode[]

/** What a route with a body may answer before it looks at the sale. */
const BODY = ['malformed', 'body_too_slow', 'body_too_large', 'media_type'] as const

/** Why `reserve` refuses a cart. */
const CART = [
  'INVALID_ARGUMENT',
  'pass_rejected',
  'sold_out',
  'limit_exceeded',
  'not_started',
  'paused',
  'ended',
] as const

/**
 * The one table of routes: the handler serves it, the client for browsers is typed by it, and the
 * chapter's table is written from it. `:id` is a reservation. A method other than GET can also be
 * refused as `foreign_origin`.
 */
export const ROUTES = {
  sale: {
    method: 'GET',
    path: '/sale',
    does: 'units, rules and state of the sale',
    answers: { 200: json<SaleView>(), 304: json<null>() },
    problems: FAULTS,
  },
  join: {
    method: 'POST',
    path: '/queue',
    does: 'join the queue; gives the ticket',
    answers: { 200: json<WaitingView>() },
    problems: ['login_required', 'blocked', ...FAULTS],
  },
  poll: {
    method: 'GET',
    path: '/queue',
    does: 'position in the queue; gives the pass when it is the turn',
    answers: { 200: json<QueueView>() },
    problems: ['TICKET_INVALID', ...FAULTS],
  },
  events: {
    method: 'GET',
    path: '/queue/events',
    does: 'the same as server-sent events; 204 tells the browser to stop',
    answers: { 200: json<EventsOf<QueueEvent>>(), 204: json<null>() },
    problems: ['TICKET_INVALID', 'too_many_streams', ...FAULTS],
  },
  leave: {
    method: 'DELETE',
    path: '/queue',
    does: 'give up the position or the pass',
    answers: { 200: json<LeftView>() },
    problems: ['TICKET_INVALID', ...FAULTS],
  },
  reserve: {
    method: 'POST',
    path: '/reservations',
    does: 'hold the units of a cart',
    answers: { 200: json<ReservationView>(), 201: json<ReservationView>() },
    problems: [
      ...BODY,
      'login_required',
      'key_required',
      ...CART,
      'household_required',
      'household_conflict',
      'key_spent',
      'IDEMPOTENCY_CONFLICT',
      ...FAULTS,
    ],
  },
  list: {
    method: 'GET',
    path: '/reservations',
    does: "a page of the buyer's reservations: `limit` (20), `cursor`",
    answers: { 200: json<ReservationsView>() },
    problems: ['login_required', 'INVALID_ARGUMENT', ...FAULTS],
  },
  read: {
    method: 'GET',
    path: '/reservations/:id',
    does: 'one reservation of the buyer',
    answers: { 200: json<ReservationView>() },
    problems: ['login_required', 'not_found', ...FAULTS],
  },
  amend: {
    method: 'PATCH',
    path: '/reservations/:id',
    does: 'give a hold another cart',
    answers: { 200: json<ReservationView>() },
    problems: [
      ...BODY,
      'login_required',
      'not_found',
      ...CART,
      'expired',
      'already_confirmed',
      'already_released',
      ...FAULTS,
    ],
  },
  release: {
    method: 'DELETE',
    path: '/reservations/:id',
    does: 'release a hold',
    answers: { 200: json<ReservationView>() },
    problems: ['login_required', 'not_found', 'expired', 'already_confirmed', ...FAULTS],
  },
  extend: {
    method: 'POST',
    path: '/reservations/:id/extension',
    does: 'extend a hold to `holdMs` from now',
    answers: { 200: json<ReservationView>() },
    problems: [
      ...BODY,
      'login_required',
      'INVALID_ARGUMENT',
      'not_found',
      'expired',
      'already_confirmed',
      'already_released',
      ...FAULTS,
    ],
  },
  pay: {
    method: 'POST',
    path: '/payments',
    does: "the provider's webhook: confirm a payment; 204 if the event is of no interest",
    answers: { 200: json<PaymentView>(), 204: json<null>() },
    problems: ['malformed', 'body_too_slow', 'body_too_large', 'webhook_rejected', 'not_found', ...FAULTS],
  },
  alive: {
    method: 'GET',
    path: '/healthz',
    does: 'the process lives',
    answers: { 200: json<HealthView>() },
    problems: [],
  },
  ready: {
    method: 'GET',
    path: '/readyz',
    does: 'the process can serve; 503 only for faults of this process',
    answers: { 200: json<ReadyView>(), 503: json<ReadyView>() },
    problems: [],
  },
} as const satisfies Readonly<Record<string, Route>>

interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly does: string
  /** By status. */
  readonly answers: Readonly<Record<number, Shape<unknown>>>
  readonly problems: readonly ProblemCode[]
}

/** The name of a route. */
export type RouteName = keyof typeof ROUTES

/** What a route answers when all is well: a status and the body that belongs to it. */
export type Success<R extends RouteName> = {
  [S in keyof (typeof ROUTES)[R]['answers']]: {
    readonly status: S
    readonly body: (typeof ROUTES)[R]['answers'][S] extends Shape<infer T> ? Exclude<T, undefined> : never
  }
}[keyof (typeof ROUTES)[R]['answers']]
