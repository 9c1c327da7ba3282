import type { PROBLEMS, Problem, ProblemCode } from '../http/problems.js'
import type { ROUTES, RouteName, Success } from '../http/routes.js'

/** Problems after which the client sends the request again by itself. */
export type RetriedCode = {
  [C in ProblemCode]: (typeof PROBLEMS)[C]['status'] extends 408 | 503 ? C : never
}[ProblemCode]

/** The codes with which a route refuses, as the table of routes has them. */
export type RefusalCode<R extends RouteName> =
  | Exclude<(typeof ROUTES)[R]['problems'][number], RetriedCode>
  | ((typeof ROUTES)[R]['method'] extends 'GET' ? never : 'foreign_origin')

/**
 * What a route answers: its body, in which `code` is `undefined`, or the problem details of a
 * refusal, whose `code` says why.
 */
export type Answer<R extends RouteName> =
  | (Exclude<Success<R>['body'], null> & { readonly code?: undefined })
  | Problem<RefusalCode<R>>

export type MethodOf<R extends RouteName> = (typeof ROUTES)[R]['method']

/** The path of a route, with any reservation in the place of `:id`, and any query behind it. */
export type PathOf<R extends RouteName> = Filled<(typeof ROUTES)[R]['path']>
type Filled<P extends string> = P extends `${infer Head}:id${infer Tail}`
  ? `${Head}${string}${Tail}`
  : P | `${P}?${string}`
