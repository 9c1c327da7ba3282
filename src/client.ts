export type { Answer, RefusalCode, RetriedCode } from './client/answers.js'
export type { CallOptions, SaleClientOptions } from './client/caller.js'
export type { CountdownOptions } from './client/countdown.js'
export {
  type CartOptions,
  type ExtendOptions,
  type ListOptions,
  type ReserveOptions,
  type SaleClient,
  saleClient,
} from './client/sale-client.js'
export type { WaitEnd, WaitOptions } from './client/wait.js'
export type { WatchOptions } from './client/watch.js'
export type { Problem, ProblemCode } from './http/problems.js'
export type { RouteName, Shape, Success } from './http/routes.js'
export type * from './http/views.js'
